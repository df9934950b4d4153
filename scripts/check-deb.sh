#!/usr/bin/env bash
# What a package must be before anybody installs it: clean for lintian at its strictest, content with the oldest supported
# system, with a man page that knows every command and option and no other, and the same bytes whenever it is made.
#
#   scripts/check-deb.sh [PACKAGE]       the newest of .build/deb without one
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C.UTF-8
package=${1:-$(ls -t .build/deb/ais-hostd_*.deb | head -n 1)}
# What Ubuntu 22.04 has of what we depend on. Debian 12 and 13 have more, under the same names.
oldest="libc6=2.35 libmnl0=1.0.4-3build2 libsystemd0=249.11 libudev1=249.11 libyaml-0-2=0.2.2-1build2 systemd=249.11"

faults=0
fault() {
    faults=$((faults + 1))
    echo "deb: $1"
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$package" "$work/"
chmod -R a+rX "$work"

# lintian does not want to be root.
as_user=()
[ "$(id -u)" -ne 0 ] || as_user=(setpriv --reuid 65534 --regid 65534 --clear-groups env HOME="$work")
lint() { "${as_user[@]}" lintian --pedantic --display-info "$@" "$work/${package##*/}" 2>&1; }
said=$(lint --fail-on error,warning,info,pedantic) || fault "lintian: $said"
# The override is for what others wrote.
while read -r word; do
    where=$(grep -rnw -m 1 -- "$word" Sources) && fault "misspelt: $word: $where"
done < <(lint --show-overrides | sed -n 's/.*spelling-error-in-binary \([^ ]*\) .*/\1/p' || true)

IFS=, read -ra needs <<<"$(dpkg-deb --field "$package" Depends)"
for need in "${needs[@]}"; do
    read -r name _ least <<<"${need%%|*}"
    there=$(sed -n "s/.*\b$name=\([^ ]*\).*/\1/p" <<<"$oldest")
    if [ -z "$there" ]; then
        fault "it wants $name, which is not known to be on every supported system"
    elif [ -n "$least" ] && dpkg --compare-versions "${least%)}" gt "$there"; then
        fault "it wants $name ${least%)}, where the oldest supported system has $there"
    fi
done

dpkg-deb --extract "$package" "$work/root"
program=$work/root/usr/bin/ais-hostd
page=$work/root/usr/share/man/man8/ais-hostd.8.gz
commands() { "$program" --help | sed -n '/^SUBCOMMANDS/,/^ *See/s/^  \([a-z][a-z-]*\) .*/\1/p'; }
options() { for command in $(commands); do "$program" "$command" --help; done | grep -oP '^ +(-h, )?\K--[a-z-]+'; }
differ() { # WHAT, then two lists
    local said
    said=$(diff <(sort -u <<<"$2") <(sort -u <<<"$3")) || fault "ais-hostd(8) and --help differ in their $1: $said"
}
differ commands "$(commands)" "$(zcat "$page" | sed -n '/^.Sh COMMANDS/,/^.Sh OPTIONS/s/^\.It Cm \([a-z-]*\).*/\1/p')"
differ options "$(options)" "$(zcat "$page" | grep -oP '\bFl \K-[a-z-]+' | sed 's/^/-/')"
again=$(VERSION=$(dpkg-deb --field "$package" Version) OUT=$work/again scripts/make-deb.sh)
cmp "$package" "$again" || fault "made again, it is another"

if [ $faults -gt 0 ]; then
    echo "deb: red ($faults)"
    exit 1
fi
echo "deb: green: $package, $(dpkg-deb --field "$package" Installed-Size) KiB, needs $(dpkg-deb --field "$package" Depends)"
