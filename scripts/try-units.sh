#!/usr/bin/env bash
# Tries the units under a real systemd: a copy of this host's own files, of which nothing is kept, is booted in a
# container with a network of its own, ais-hostd is installed there and lives a little. `make try-units`, or after
# `make release`
#
#   scripts/try-units.sh          root; about half a minute
#
# The container may write to its own net.* sysctls and to nothing else of the kernel: this host is not touched.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ "${1:-}" = --inside ]; then
    expect() { # WHAT EXIT-CODE COMMAND...: the last one's output is kept in `said`
        local what=$1 code=$2 got=0
        shift 2
        said=$("$@" 2>&1) || got=$?
        if [ "$got" != "$code" ]; then echo "RED $what: exit code $got, expected $code: $said"; else echo "ok $what"; fi
    }
    holds() { if grep -qF -- "$2" <<<"$said"; then echo "ok $1"; else echo "RED $1: expected $2 in: $said"; fi; }
    eventually() { # WHAT COMMAND...: within ten seconds
        local what=$1
        shift
        for _ in $(seq 100); do
            if "$@" >/dev/null 2>&1; then echo "ok $what"; return; fi
            sleep 0.1
        done
        echo "RED $what: never came true: $*"
    }
    sysctl_is() { [ "$(sysctl -n net.core.somaxconn)" = "$1" ]; }
    answers() { [ "$(curl --silent --output /dev/null --write-out '%{http_code}' http://127.0.0.1:9847/v1/status)" = "$1" ]; }
    configuration=/etc/ais-hostd/config.yaml

    expect "it installs" 0 make --silent install
    expect "the shipped configuration only observes" 0 grep -q "mode: observe" $configuration
    expect "the group is made" 0 systemd-sysusers
    printf 'apiVersion: ais-hostd/v1\nmode: enforce\ninterval: 1s\nprofiles: [ais-required/v1]\n' >$configuration
    expect "the units start" 0 systemctl enable --now ais-hostd ais-hostd-http.socket
    expect "all is in sync when it is ready" 0 ais-hostd status
    expect "systemd is told how it stands" 0 systemctl show --property StatusText ais-hostd
    holds "in words" "5 in sync"
    eventually "the endpoint answers, as a user without a network" answers 200
    expect "the endpoint is nobody" 0 systemctl show --property User,DynamicUser ais-hostd-http
    holds "by DynamicUser" "DynamicUser=yes"
    expect "an ordinary user is told why not" 4 setpriv --reuid 65534 --regid 65534 --clear-groups ais-hostd status
    holds "in words" "EACCES"
    expect "the group may ask" 0 setpriv --reuid 65534 --regid ais-hostd --clear-groups ais-hostd status
    sysctl -qw net.core.somaxconn=77
    eventually "a drift is put right" sysctl_is 65535
    expect "the journal has its fields" 0 journalctl AIS_SETTING=sysctl/net.core.somaxconn AIS_STATE=drifted --output verbose
    holds "what was wanted" "AIS_WANTED=65535"
    holds "what was there" "AIS_GOT=77"
    echo "sysctll: {}" >>$configuration
    expect "a reload of a broken file is taken" 0 systemctl reload ais-hostd
    eventually "and said to be broken" sh -c '! ais-hostd status'
    expect "a restart with it" 0 systemctl restart ais-hostd
    expect "keeps the last good one" 1 ais-hostd status
    holds "in force" "generation 1 stays in force"
    sed -i '$d' $configuration
    expect "a reload of the mended one" 0 systemctl reload ais-hostd
    eventually "is well" ais-hostd status
    systemctl kill --signal KILL ais-hostd
    eventually "killed, it is away" answers 503
    eventually "and started again" answers 200
    expect "revert through it" 0 ais-hostd revert
    expect "it stops" 0 systemctl stop ais-hostd
    expect "what was there before is there again" 0 sysctl_is 4096
    expect "nothing was denied that it needed" 1 grep -q EPERM <(journalctl --unit ais-hostd --unit ais-hostd-http)
    systemctl poweroff
    exit
fi

skip() { # in CI what can't run is a failure
    echo "try-units: skipped: $1"
    [ "${CI:-}" != true ] || exit 1
    exit 0
}
[ "$(id -u)" -eq 0 ] || skip "containers take root"
command -v systemd-nspawn >/dev/null || skip "no systemd-nspawn: scripts/deps.sh test installs it"
if [ "${INSIDE:-}" != yes ]; then INSIDE=yes exec unshare --mount --propagation private "$0"; fi

world=$(mktemp -d)
trap 'umount --lazy "$world/root" "$world" 2>/dev/null; rmdir "$world"' EXIT
mount -t tmpfs tmpfs "$world"
mkdir "$world"/{root,upper,work}
mount -t overlay -o "lowerdir=/,upperdir=$world/upper,workdir=$world/work" overlay "$world/root"
rm -rf "$world"/root/etc/ais-hostd "$world"/root/var/lib/ais-hostd "$world"/root/etc/systemd/system/*.wants
mkdir -p "$world/root/etc/systemd/system/default.target.wants"
ln -s ../trial.service "$world/root/etc/systemd/system/default.target.wants/"
cat >"$world/root/etc/systemd/system/trial.service" <<UNIT
[Unit]
After=basic.target
[Service]
Type=oneshot
WorkingDirectory=$PWD
ExecStart=$PWD/scripts/try-units.sh --inside
StandardOutput=file:/trial
UNIT
SYSTEMD_NSPAWN_API_VFS_WRITABLE=network timeout 120 systemd-nspawn --quiet --directory "$world/root" --boot \
    --bind-ro="$PWD" --private-network --register=no --keep-unit >"$world/console" 2>&1 </dev/null || true
cat "$world/root/trial" 2>/dev/null || { tail -30 "$world/console" >&2; exit 1; }
if grep -q ^RED "$world/root/trial" || ! grep -q "there before is there again" "$world/root/trial"; then
    echo "try-units: red"
    exit 1
fi
echo "try-units: green, systemd $(systemctl --version | awk 'NR == 1 { print $2 }')"
