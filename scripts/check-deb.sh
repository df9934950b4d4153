#!/usr/bin/env bash
# What a package must be before it is tried: clean for lintian at its strictest, dependent on nothing newer than the
# oldest supported system has, and with a man page that knows every command.
#
#   scripts/check-deb.sh [PACKAGE]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C
package=${1:-$(ls -t .build/deb/ais-hostd_*.deb | head -n 1)}

faults=0
fault() {
    faults=$((faults + 1))
    echo "deb: $1"
}
as_user=()
# lintian does not want to be root.
[ "$(id -u)" -ne 0 ] || as_user=(setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/tmp)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp "$package" "$copy/"
chmod -R a+rX "$copy"
said=$("${as_user[@]}" lintian --pedantic --display-info --fail-on error,warning,info,pedantic "$copy"/*.deb 2>&1) \
    || fault "lintian: $said"

needs=$(dpkg-deb --field "$package" Depends)
libc=$(grep -oP 'libc6 \(>= \K[0-9.]+' <<<"$needs")
[ "$(printf '%s\n' 2.35 "$libc" | sort -V | tail -n 1)" = 2.35 ] || fault "it wants libc6 $libc, expected 2.35 at most"

page=$(man --nh --nj packaging/debian/ais-hostd.8 2>/dev/null | col -b)
for command in $(.build/ais-hostd --help | awk '/^SUBCOMMANDS/ { on = 1; next } /^ *See / { on = 0 } on && /^  [a-z]/ { print $1 }'); do
    grep -qE "^ +$command( |$)" <<<"$page" || fault "ais-hostd(8) does not know the command $command"
done

if [ $faults -gt 0 ]; then
    echo "deb: red ($faults)"
    exit 1
fi
echo "deb: ${package##*/}: green, needs $needs"
