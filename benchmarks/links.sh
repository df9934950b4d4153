#!/usr/bin/env bash
# What links cost: a check of many of them, beside a shell, and how soon one that is plugged in is tuned.
# `make bench-links`, or after it
#
#   benchmarks/links.sh AIS-HOSTD     the release build, stripped
#
# Root. Everything runs in a network and mount namespace of its own; loop disks, which are the host's, are detached at
# the end and only read. LINKS and DISKS are how many there are, ROUNDS how often each process runs, PLUGS how often a
# link is plugged in.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
hostd=$(realpath "${1:-.build/ais-hostd}")
links=${LINKS:-1000} disks=${DISKS:-64} rounds=${ROUNDS:-50} plugs=${PLUGS:-100}

if [ "${INSIDE:-}" != yes ]; then
    INSIDE=yes exec unshare --net --mount --propagation private "$0" "$hostd"
fi
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
ip link set lo up
work=$(mktemp -d "${TMPDIR:-/tmp}/ais-hostd-bench.XXXXXX")
loops=()
finish() {
    kill $(jobs -p) 2>/dev/null || true
    wait
    for loop in "${loops[@]}"; do losetup --detach "$loop"; done
    rm -rf "$work"
}
trap finish EXIT
gcc -O2 -o "$work/race" benchmarks/race.c

echo "$(date --iso-8601) on Linux $(uname -r), $(nproc) processors, load $(cut -d ' ' -f 1 /proc/loadavg)"
echo "$hostd: $(stat --format=%s "$hostd") bytes"

make_links() { # FROM TO: pairs of veths with four queues each way, in one go
    for number in $(seq "$1" "$2"); do
        echo "link add a$number numtxqueues 4 numrxqueues 4 type veth peer name b$number numtxqueues 4 numrxqueues 4"
    done >"$work/batch"
    ip -batch "$work/batch"
}
configuration() { # PATTERN...: the MTU and channels that are there
    printf 'apiVersion: ais-hostd/v1\nlink:\n'
    printf '  - {match: {name: "[ab]*"}, include: [virtual], mtu: 1500, channels: {rx: 4, tx: 4}}\n'
}
configuration >"$work/links.yaml"
check="$hostd check --state-dir $work/state --output json"

make_links 1 50
cat >"$work/each.sh" <<'SHELL'
for link in /sys/class/net/[ab]*; do
    ethtool -l "${link##*/}"
    ip -j link show "${link##*/}"
done
SHELL
cat >"$work/once.sh" <<'SHELL'
ip -j link show
for link in /sys/class/net/[ab]*; do ethtool -l "${link##*/}"; done
SHELL
$check --config "$work/links.yaml" >"$work/report.json"
echo
echo "100 links, $(grep -c '"id"' "$work/report.json") settings, whole processes, $rounds rounds:"
"$work/race" "$rounds" \
    "check" "$check --config $work/links.yaml" \
    "sh: ethtool -l, ip -j link show of each" "sh $work/each.sh" \
    "sh: ethtool -l of each, one ip -j link show" "sh $work/once.sh"

make_links 51 $((links / 2))
for number in $(seq "$disks"); do
    truncate --size 16M "$work/disk$number"
    loop=$(losetup --find --show "$work/disk$number") || break
    loops+=("$loop")
done
{
    configuration
    echo "block:"
    for loop in "${loops[@]}"; do
        queue=/sys/block/${loop#/dev/}/queue
        echo "  - match: {name: ${loop#/dev/}}"
        for attribute in scheduler nr_requests read_ahead_kb rq_affinity nomerges; do
            echo "    $attribute: $(sed 's/.*\[\(.*\)\].*/\1/' "$queue/$attribute")"
        done
    done
} >"$work/all.yaml"
printf 'apiVersion: ais-hostd/v1\nlink:\n  - {match: {name: a1}, mtu: 1500}\n' >"$work/one.yaml"
$check --config "$work/all.yaml" >"$work/report.json" || echo "bench: not everything is in sync" >&2
echo
echo "$links links and ${#loops[@]} loop disks, $(grep -c '"id"' "$work/report.json") settings, whole processes:"
"$work/race" "$rounds" \
    "check of all" "$check --config $work/all.yaml" \
    "check of the links alone" "$check --config $work/links.yaml" \
    "check of one MTU among them" "$check --config $work/one.yaml" \
    "ip -j link show" "ip -j link show" \
    "ip -j -d link show" "ip -j -d link show"
for number in $(seq 1 $((links / 2))); do echo "link del a$number"; done >"$work/batch"
ip -batch "$work/batch"

# From the moment that `ip link add` has returned until the MTU reads as asked: sysfs is asked over and over.
cat >"$work/plug.py" <<'PYTHON'
import subprocess, sys, time
what, rounds, pause = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
def ip(*words): subprocess.run(["ip", "link", *words], check=True)
times, early = [], 0
for number in range(rounds):
    name = f"plug{number}"
    time.sleep(pause)
    ip("add", name, "numtxqueues", "4", "numrxqueues", "4", "type", "veth", "peer", "name", f"other{number}")
    begun = time.monotonic()
    with open(f"/sys/class/net/{name}/mtu") as file:
        asked = 0
        while file.read().strip() != "9000":
            asked += 1
            if time.monotonic() - begun > 10: sys.exit(f"{name} is not tuned")
            time.sleep(0.0001)
            file.seek(0)
    times.append((time.monotonic() - begun) * 1000)
    early += asked == 0
    ip("del", name)
times.sort()
at = lambda share: times[min(len(times) - 1, int(len(times) * share))]
print(f"  {what:38} p50 {at(0.5):7.2f} ms, p99 {at(0.99):7.2f}, worst {times[-1]:7.2f}, "
      f"{early} of {rounds} before it was looked at")
PYTHON
printf 'apiVersion: ais-hostd/v1\ninterval: 1h\nlink:\n  - {match: {name: "plug*"}, include: [virtual], mtu: 9000}\n' \
    >"$work/plug.yaml"
start() {
    "$hostd" run --config "$work/plug.yaml" --state-dir "$work/state" 2>>"$work/log" &
    until curl --silent --fail --unix-socket /run/ais-hostd/api.sock http://localhost/readyz >/dev/null; do
        sleep 0.05
    done
}
echo
echo "From a veth that is plugged in to its MTU, under the daemon:"
# The daemon looks again a second after its last pass at the earliest, and once more at what it wrote itself: at rest it
# is after two.
start
python3 "$work/plug.py" "at rest, no other links" "$plugs" 2.3
python3 "$work/plug.py" "right after another, no other links" $((plugs / 5)) 0
kill %%
wait
make_links 1 $((links / 2))
start
python3 "$work/plug.py" "at rest, $links other links" "$plugs" 2.6
