#!/usr/bin/env bash
# Tries the units under a real systemd: in a booted copy of this host (scripts/boot-copy.sh) ais-hostd is installed and
# lives a little. `make try-units`, or after `make release`
#
#   scripts/try-units.sh          root; about half a minute
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/trial.bash

if [ "${1:-}" = --inside ]; then
    sysctl_is() { [ "$(sysctl -n net.core.somaxconn)" = "$1" ]; }
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
    exit
fi
trial try-units "nothing was denied that it needed" "$PWD/scripts/try-units.sh" --inside
