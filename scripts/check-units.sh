#!/usr/bin/env bash
# Whether systemd takes our units without a word, and whether they are as locked as they were.
#
#   scripts/check-units.sh [FOLDER]      systemd/ without one
#
# No manager needs to run, and nothing is installed: the units are looked at in a folder that stands for the root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C SYSTEMD_COLORS=0
folder=${1:-systemd}

# What `systemd-analyze security` measured, in tenths, where 100 is a service that may do all that root may. It may get
# less: then so does the number here. What is left open says why in the unit.
measured_by=252
exposure="ais-hostd.service=24 ais-hostd-http.service=2"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
units=$root/usr/lib/systemd/system
mkdir -p "$units" "$root/usr/bin" "$root/bin" "$root/etc"
cp "$folder"/*.service "$folder"/*.socket "$units/"
# Stands for what the units run and are ordered by; only its being there is looked at.
install -m 755 /bin/true "$root/usr/bin/ais-hostd"
install -m 755 /bin/true "$root/bin/kill"
for target in sysinit basic shutdown sockets multi-user; do
    printf '[Unit]\nDescription=%s\n' $target >"$units/$target.target"
done

faults=0
fault() {
    faults=$((faults + 1))
    echo "units: $1"
}

for unit in "$folder"/*.service "$folder"/*.socket; do
    said=$(systemd-analyze verify --man=no --root="$root" "$(basename "$unit")" 2>&1) || fault "${unit##*/} is refused"
    [ -z "$said" ] || fault "${said//$root/}"
done

if said=$(systemd-sysusers --root="$root" "$(realpath "$folder")/ais-hostd.sysusers" 2>&1); then
    grep -q '^ais-hostd:' "$root/etc/group" || fault "ais-hostd.sysusers makes no group ais-hostd"
else
    fault "ais-hostd.sysusers: $said"
fi

version=$(systemd-analyze --version | awk 'NR == 1 { print $2 }')
if [ "$version" = $measured_by ]; then
    for entry in $exposure; do
        unit=${entry%=*}
        systemd-analyze security --no-pager --offline=true --threshold="${entry#*=}" "$folder/$unit" >"$root/said" 2>&1 \
            || fault "$unit is more exposed than ${entry#*=} tenths: $(tail -n 1 "$root/said")"
    done
else
    echo "units: exposure is measured by systemd $measured_by, and here is $version: not compared"
fi

if [ "$faults" -gt 0 ]; then
    echo "units: red ($faults)"
    exit 1
fi
echo "units: green"
