#!/usr/bin/env bash
# What ais-hostd does, as a story that runs: `make run`.
#
#   scripts/story.sh [BINARY]      .build/ais-hostd without one
#
# First it reads this very host, and only reads. Then, as root, it writes: in a network namespace of its own (where the
# values under /proc/sys/net are copies), in a mount namespace of its own (where /etc/sysctl.d and the ledger are in
# memory), and on a loop disk of its own. What it leaves behind is nothing, and the end of the story proves it.
set -euo pipefail
export LC_ALL=C COLUMNS=${COLUMNS:-80}
PATH=$PATH:/usr/sbin:/sbin

self=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/$(basename "${BASH_SOURCE[0]}")
cd "$(dirname "$self")/.."

bold="" plain=""
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\033[1m' plain=$'\033[0m'
fi

title() { printf '\n%s== %s%s\n\n' "$bold" "$1" "$plain"; }
say() { fold -s -w 100 <<<"$*" | sed 's/ *$//'; }
wrong() {
    printf '\nstory: %s\n' "$*" >&2
    exit 1
}

# run EXPECTED COMMAND…: shows the command, runs it, and ends the story if its exit code is not one of EXPECTED ("0 2").
# Then $code is its code, and $printed what it printed.
run() {
    local expected=$1 word line="\$"
    shift
    for word in "$@"; do
        if [ "$word" = --config ] && [ ${#line} -gt 60 ]; then
            printf '%s \\\n' "$line"
            line="   "
        fi
        case $word in *' '*) word="'$word'" ;; esac
        line+=" $word"
    done
    printf '%s%s%s\n' "$bold" "$line" "$plain"
    code=0
    printed=$("$@" 2>&1) || code=$?
    [ -z "$printed" ] || printf '%s\n' "$printed"
    case " $expected " in
        *" $code "*) ;;
        *) wrong "that ended with exit code $code where $expected was expected" ;;
    esac
}

# What anybody could see of this host that the story must not change.
host_values() {
    cat /proc/sys/net/core/somaxconn /proc/sys/net/ipv4/ip_local_port_range /proc/sys/net/ipv4/ip_local_reserved_ports
    cat /proc/sys/net/ipv4/tcp_slow_start_after_idle
    cat /proc/sys/vm/* 2>/dev/null | cksum
    find /etc/sysctl.d /etc/ais-hostd /var/lib/ais-hostd -type f -exec cksum {} + 2>/dev/null | sort || true
}

this_host() {
    title "1. This host, against the profiles that are shipped"
    say "check reads the kernel, compares and prints. It never writes, and needs neither root nor a daemon."
    echo
    local profile
    local -a files=()
    for profile in ais-required ais-network ais-vm ais-hdd ais-nvme; do
        files+=(--config "etc/profiles/$profile/v1.yaml")
    done
    run "0 2" ais-hostd check "${files[@]}"
    echo
    if [ "$code" -eq 2 ]; then
        say "Exit code 2: something here differs from what AIStore wants. On a machine that nobody tuned that is the" \
            "right answer, and it is what a script or a monitor asks for."
    else
        say "Exit code 0: this host holds all of that already."
    fi
}

# The second part, in its namespaces: $1 is a folder of its own, $2 the loop disk, $3 the network namespace outside.
another_world() {
    local folder=$1 disk=$2 outside=$3 name world scheduler
    name=${disk##*/}
    world=$folder/world
    scheduler=/sys/block/$name/queue/scheduler
    [ "$(readlink /proc/self/ns/net)" != "$outside" ] || wrong "this is not a network namespace of its own"

    # The old /sys still shows the network namespace outside; and a container's /proc/sys may be read-only.
    mount -t sysfs sysfs /sys || wrong "cannot mount sysfs"
    mount -t proc proc /proc || wrong "cannot mount procfs"
    mkdir "$world"
    mount -t tmpfs -o mode=0700 story "$world"
    mkdir "$world/sysctl.d" "$world/empty"
    cp -a /etc/sysctl.d/. "$world/sysctl.d/"
    mount --bind "$world/sysctl.d" /etc/sysctl.d
    # A daemon that runs outside, or a switch that an administrator set for this host, is no part of the story.
    local hidden
    for hidden in /run/ais-hostd /etc/ais-hostd /var/lib/ais-hostd; do
        [ ! -d "$hidden" ] || mount --bind "$world/empty" "$hidden"
    done

    cd "$world"

    title "2. A configuration"
    say "From here on all happens in a network and mount namespace of its own, and on the loop disk $name: the host's" \
        "values and files stay as they are."
    echo
    cat >node.yaml <<EOF
apiVersion: ais-hostd/v1
mode: apply
sysctl:
  net.core.somaxconn: 65535
  net.ipv4.ip_local_port_range: [2048, 65535]
  net.ipv4.ip_local_reserved_ports: {include: [51080-51083, 52001, 9847]}
  net.ipv4.tcp_slow_start_after_idle: 0
block:
  - match: {name: $name}
    scheduler: mq-deadline
    nr_requests: 512
    read_ahead_kb: 4096
EOF
    local -a with=(--config node.yaml --state-dir state)
    local before after
    before=$(our_values "$name")
    run 0 cat node.yaml
    echo
    say "A dry run says what would be written, and what each change disturbs. It cannot differ from the real one: it" \
        "is the same program, stopped before its first write."
    echo
    run "0 2" ais-hostd apply --dry-run "${with[@]}"

    title "3. apply: original values first, then the writes, then everything read again"
    run 0 ais-hostd apply "${with[@]}"
    echo
    run 0 sysctl net.core.somaxconn
    run 0 cat "$scheduler"
    run 0 cat /etc/sysctl.d/99-zz-ais-hostd.conf
    echo
    say "Once more: nothing differs, so nothing is written."
    echo
    run 0 ais-hostd apply "${with[@]}"

    title "4. Another hand"
    say "Somebody sets one value, and another tool chooses its own scheduler. With the scheduler the kernel also sets" \
        "nr_requests back to what the hardware holds, which nobody wrote and nobody was told."
    echo
    run 0 sysctl -w net.core.somaxconn=128
    run 0 sh -c "echo none > $scheduler"
    echo
    say "check names all of it, with the line of the configuration that wants it otherwise:"
    echo
    run 2 ais-hostd check --config node.yaml
    local id
    for id in sysctl/net.core.somaxconn "block/$name/scheduler"; do
        grep -qF "$id" <<<"$printed" || wrong "check did not name $id"
    done

    title "5. revert: the values found before the first write"
    run 0 ais-hostd revert "${with[@]}"
    echo
    run 0 sysctl net.core.somaxconn net.ipv4.ip_local_port_range net.ipv4.tcp_slow_start_after_idle
    run 0 cat "$scheduler"
    after=$(our_values "$name")
    if [ "$before" != "$after" ]; then
        diff <(echo "$before") <(echo "$after") >&2 || true
        wrong "a value did not come back"
    fi
    [ ! -e /etc/sysctl.d/99-zz-ais-hostd.conf ] || wrong "/etc/sysctl.d/99-zz-ais-hostd.conf is still there"
    echo
    say "All as it was, and /etc/sysctl.d/99-zz-ais-hostd.conf is gone."
    daemon "$name" "$before"
}

# The same, watched.
daemon() {
    local name=$1 found=$2
    local -a with=(--config node.yaml --config enforce.yaml --state-dir state --socket api.sock)
    title "6. The daemon"
    say "systemd starts two processes: run, which is root and does it, and serve, which answers over HTTP and can do" \
        "nothing. Here by hand, in a mode that puts right what others change. revert holds, until apply:"
    echo
    printf 'apiVersion: ais-hostd/v1\nmode: enforce\ninterval: 1s\n' >enforce.yaml
    run 0 cat enforce.yaml
    # Whatever happens, they end with this story.
    trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
    ais-hostd run "${with[@]}" 2>log &
    ip link set lo up
    ais-hostd serve --socket api.sock 2>>log &
    wait_for curl --silent --fail --output /dev/null http://127.0.0.1:9847/readyz
    run 0 ais-hostd apply --socket api.sock
    echo
    run 0 sysctl -w net.core.somaxconn=128
    wait_for grep -q "somaxconn: inSync -> drifted" log
    wait_for sh -c "[ \"\$(sysctl -n net.core.somaxconn)\" = 65535 ]"
    run 0 sysctl net.core.somaxconn
    run 0 grep somaxconn: log
    echo
    run 0 sh -c "curl -s http://127.0.0.1:9847/metrics | grep -E '^ais_hostd_(up|drifts|writes)'"
    echo
    say "revert goes through it, and it holds until the next apply:"
    echo
    run 0 ais-hostd revert --socket api.sock
    kill $(jobs -p)
    wait
    [ "$found" = "$(our_values "$name")" ] || wrong "a value did not come back from the daemon"
}

wait_for() {
    for _ in $(seq 200); do
        if "$@"; then return; fi
        sleep 0.05
    done
    wrong "waited in vain: $*"
}

# What the story's configuration asks for, as the kernel holds it.
our_values() {
    local key
    for key in core/somaxconn ipv4/ip_local_port_range ipv4/ip_local_reserved_ports ipv4/tcp_slow_start_after_idle; do
        echo "$key: $(cat "/proc/sys/net/$key")"
    done
    for key in scheduler nr_requests read_ahead_kb; do
        echo "$1/$key: $(cat "/sys/block/$1/queue/$key")"
    done
}

disk="" folder="" found_scheduler="" found_read_ahead=""
clean_up() {
    if [ -n "$disk" ]; then
        # The next user of the same number finds its queue as we found it, even if the story broke off.
        echo "$found_scheduler" >"/sys/block/${disk##*/}/queue/scheduler" || true
        echo "$found_read_ahead" >"/sys/block/${disk##*/}/queue/read_ahead_kb" || true
        losetup --detach "$disk" || true
    fi
    [ -z "$folder" ] || rm -rf "$folder"
    disk="" folder=""
}

next() {
    title "What next"
    cat <<EOF
  .build/ais-hostd --help    what else it does
  etc/config.yaml            the configuration that is shipped: it observes and writes nothing
  etc/profiles/*/v1.yaml     every value, with its reason
  docs/architecture.md       how it works
  make test                  lint, and all tests
EOF
}

skip() {
    title "2. Writing"
    say "Skipped: $*"
    next
    exit 0
}

if [ "${1:-}" = --inside ]; then
    another_world "$2" "$3" "$4"
    exit 0
fi

hostd=${1:-.build/ais-hostd}
[ -x "$hostd" ] && [ "${hostd##*/}" = ais-hostd ] || wrong "$hostd: no program of the name ais-hostd; make release"
PATH=$(cd "$(dirname "$hostd")" && pwd):$PATH

this_host

[ "$(id -u)" -eq 0 ] || skip "namespaces and loop disks, even of one's own, take root: sudo make run."
[ -d /etc/sysctl.d ] || skip "there is no /etc/sysctl.d here to put a copy in the place of."
unshare --net --mount true 2>/dev/null || skip "this machine makes no namespaces (a container without CAP_SYS_ADMIN?)."

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
folder=$(mktemp -d)
truncate --size=64M "$folder/disk"
disk=$(losetup --find --show "$folder/disk" 2>/dev/null) || {
    disk=""
    skip "this machine makes no loop disks (a container without /dev/loop-control?)."
}
found_scheduler=$(sed 's/.*\[\(.*\)\].*/\1/' "/sys/block/${disk##*/}/queue/scheduler")
found_read_ahead=$(cat "/sys/block/${disk##*/}/queue/read_ahead_kb")
# Kernels up to 5.13 give a loop disk mq-deadline by themselves: the story wants a difference.
echo none >"/sys/block/${disk##*/}/queue/scheduler" 2>/dev/null || skip "/sys is read-only here."

before=$(host_values)
unshare --net --mount -- "$self" --inside "$folder" "$disk" "$(readlink /proc/self/ns/net)"
clean_up
[ "$before" = "$(host_values)" ] || wrong "a value or file of this host is not what it was; was somebody else at work?"
echo
say "And outside, on the host itself, nothing has changed: the same values, the same files, the loop disk is gone."
next
