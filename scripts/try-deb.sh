#!/usr/bin/env bash
# The life of the package on a node that works, under a real systemd: installed, upgraded, downgraded, removed, purged,
# installed again, in a booted copy of this host. `make try-deb`, or after `make release`
#
#   scripts/try-deb.sh                    root; about a minute
#   scripts/try-deb.sh --inside FOLDER    the steps alone, on a machine that is thrown away afterwards, with two versions
#                                         of the package in FOLDER: old.deb, new.deb
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/trial.bash

if [ "${1:-}" != --inside ]; then
    mkdir -p .build/trial
    for age in old new; do
        made=$(VERSION=0.1.0~$([ $age = old ] && echo 1 || echo 2) OUT=.build/trial COMPRESSION=none scripts/make-deb.sh)
        mv "$made" .build/trial/$age.deb
    done
    trial try-deb "no file is left, again" "$PWD/scripts/try-deb.sh" --inside "$PWD/.build/trial"
    exit
fi
packages=$2
export DEBIAN_FRONTEND=noninteractive

# All files that a package or a daemon may leave, and what is in those that set up a node. The group of sysusers stays, as
# Debian's policy has it.
files() {
    find /boot /etc /opt /root /srv /usr /var \( -path /var/lib/dpkg -o -path /var/log -o -path /var/cache \
        -o -path '/var/tmp/systemd-private-*' -o -path /var/lib/systemd/timers -o -path '/etc/g*-' \) -prune \
        -o -printf '%p %y %m %u %g\n' | sort
    find /etc -type f ! -path '/etc/group*' ! -path '/etc/gshadow*' -exec cksum {} + | sort -k 3
}
values() { cat /proc/sys/net/core/somaxconn /sys/class/net/{static,auto,networkd,manager}0/mtu | paste -sd ' '; }
pids() { systemctl show --property MainPID --value ais-hostd.service ais-hostd-http.service | grep .; }
others() { systemctl list-units --type service --state running --plain --no-legend | awk '{ print $1 }' | grep -v ais-hostd \
    | while read -r unit; do echo "$unit $(systemctl show --property MainPID --value "$unit")"; done; }
gone() { ! pgrep -x ais-hostd; }
persisted="/etc/sysctl.d/99-zz-ais-hostd.conf /etc/systemd/network/50-trial.network.d/99-zz-ais-hostd.conf
    /etc/NetworkManager/conf.d/99-zz-ais-hostd.conf"

# A node whose links have three owners. networkd is real; of the others there is what ais-hostd knows them by.
mkdir -p /etc/network /etc/NetworkManager/conf.d /run/NetworkManager/devices /etc/systemd/network
[ -e /usr/sbin/ifup ] || install -m 755 /bin/true /usr/sbin/ifup
printf 'iface static0 inet manual\n    up true\n\niface auto0 inet6 auto' >/etc/network/interfaces
printf '[Match]\nName=networkd0\n[Network]\nLinkLocalAddressing=no\n' >/etc/systemd/network/50-trial.network
for owner in static auto networkd manager; do
    ip link add ${owner}0 type veth peer name ${owner}1
    ip link set ${owner}0 up && ip link set ${owner}1 up
done
printf '[device]\nmanaged=true\n' >/run/NetworkManager/devices/"$(cat /sys/class/net/manager0/ifindex)"
systemctl start systemd-networkd
eventually "networkd has its link" grep -qs ADMIN_STATE=configured /run/systemd/netif/links/"$(cat /sys/class/net/networkd0/ifindex)"
before=$(files) untuned=$(values) running=$(others)

echo "# install"
expect "it installs" 0 dpkg --install "$packages/old.deb"
expect "nothing is enabled" 1 systemctl is-enabled ais-hostd.service ais-hostd-http.socket
expect "nothing runs" 0 gone
expect "the shipped configuration only observes" 0 grep -qx "mode: observe" /etc/ais-hostd/config.yaml
cat >/etc/ais-hostd/config.yaml <<'CONFIGURATION'
apiVersion: ais-hostd/v1
allow: [link-flap]
profiles: [ais-required/v1]
link:
  - {match: {name: static0}, mtu: 1400}
  - {match: {name: auto0}, mtu: 1400}
  - {match: {name: networkd0}, mtu: 1400}
  - {match: {name: manager0}, mtu: 1400}
CONFIGURATION
expect "it starts" 0 systemctl enable --now ais-hostd.service ais-hostd-http.socket
expect "all is in sync" 0 ais-hostd status --verbose
tuned="65535 1400 1400 1400 1400"
same "all is tuned" "$tuned" "$(values)"
eventually "the endpoint answers" answers 200
# shellcheck disable=SC2086
expect "it is kept for the next boot" 0 ls $persisted
same "also by ifupdown" "mtu 1400 post-up ip link set dev auto0 mtu 1400 || true" \
    "$(grep -A 1 '# ais-hostd: the next line' /etc/network/interfaces | grep -v '#\|--' | xargs)"

upgrade() { # TO WHAT: of a daemon that runs
    local was ledger begin
    echo "# $2"
    was=$(pids) ledger=$(cksum /var/lib/ais-hostd/ledger.json)
    # Who looks all the time, at the values and at the port.
    touch /tmp/looking
    (while [ -e /tmp/looking ]; do values; done) >/tmp/values 2>&1 &
    (while [ -e /tmp/looking ]; do
        curl --silent --output /dev/null --write-out '%{http_code}\n' http://127.0.0.1:9847/healthz || true
    done) >/tmp/codes &
    expect "the $2 is taken" 0 dpkg --install "$packages/$1.deb"
    begin=$EPOCHREALTIME
    eventually "status answers" ais-hostd status --quiet
    echo "# $(awk "BEGIN { print $EPOCHREALTIME - $begin }") s after dpkg"
    eventually "the endpoint answers" answers 200
    rm /tmp/looking
    wait
    same "no value changed, not for a moment" "$tuned" "$(sort -u /tmp/values)"
    expect "no connection was refused" 1 grep -q 000 /tmp/codes
    echo "# $(sort /tmp/codes | uniq -c | xargs), $(wc -l </tmp/values) looks at the values"
    same "nothing was written" "$ledger" "$(cksum /var/lib/ais-hostd/ledger.json)"
    same "both are others now" "" "$(comm -12 <(sort <<<"$was") <(pids | sort))"
    # By this needrestart finds whom to restart.
    expect "nobody runs what is not there any more" 1 sh -c 'cat $(pgrep -x ais-hostd | sed "s#.*#/proc/&/maps#") | grep -F "(deleted)"'
    same "nobody else was restarted" "$running" "$(others)"
}
upgrade new upgrade
upgrade old downgrade

echo "# of a daemon that was stopped"
expect "it stops" 0 systemctl stop ais-hostd-http.socket ais-hostd-http.service ais-hostd.service
expect "an upgrade is taken" 0 dpkg --install "$packages/new.deb"
expect "and starts nothing" 0 gone
expect "it starts" 0 systemctl start ais-hostd.service ais-hostd-http.socket
expect "and is in sync" 0 ais-hostd status

echo "# remove"
expect "it is removed" 0 dpkg --remove ais-hostd
expect "nothing runs" 0 gone
expect "nobody answers" 1 answers 200
same "the values stay" "$tuned" "$(values)"
# shellcheck disable=SC2086
expect "and what is kept" 0 ls $persisted /etc/ais-hostd/config.yaml /var/lib/ais-hostd/ledger.json
expect "it is installed again" 0 dpkg --install "$packages/new.deb"
expect "and starts nothing" 0 gone
expect "until it is told to" 0 systemctl start ais-hostd.service
expect "the configuration is what it was" 0 ais-hostd status
expect "and the originals" 0 ais-hostd status --output json --only sysctl/net.core.somaxconn
holds "are those before the first write" "\"original\" : \"${untuned%% *}\""

echo "# purge"
touch /etc/sysctl.d/.99-zz-ais-hostd.conf.left.tmp
expect "it is purged" 0 dpkg --purge ais-hostd
expect "nothing runs" 0 gone
same "the values stay" "$tuned" "$(values)"
same "no file is left" "$before" "$(files)"

echo "# again, where systemd does not run"
expect "it installs" 0 unshare --mount sh -c "mount -t tmpfs tmpfs /run && dpkg --install $packages/new.deb"
expect "the shipped configuration only observes" 0 grep -qx "mode: observe" /etc/ais-hostd/config.yaml
expect "nothing is enabled" 1 systemctl is-enabled ais-hostd.service ais-hostd-http.socket
echo "# somebody else's" >/etc/sysctl.d/99-zz-ais-hostd.conf
expect "it is purged" 0 unshare --mount sh -c "mount -t tmpfs tmpfs /run && dpkg --purge ais-hostd"
expect "a file without our mark stays" 0 rm /etc/sysctl.d/99-zz-ais-hostd.conf
same "no file is left, again" "$before" "$(files)"
