#!/usr/bin/env bash
# Packs what `make release` built, in seconds: .build/deb/ais-hostd_VERSION_amd64.deb. The same commit and program make
# the same bytes.
#
#   scripts/make-deb.sh        `make deb`; VERSION=… and OUT=FOLDER overrule what it would be called and where it goes,
#                              and COMPRESSION=none takes less time
#
# The version is the program's, `ais-hostd --version`. As long as CHANGELOG.md begins with unreleased changes, it sorts
# below that, by the time of the last commit: 0.1.0~git20261125080808.b4418b9.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C.UTF-8 TZ=UTC
[ -x .build/ais-hostd ] || { echo "deb: make release first" >&2; exit 1; }

SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
program=$(.build/ais-hostd --version | awk '{ print $NF }')
newest=$(sed -n 's/^## *//p' CHANGELOG.md | head -n 1)
if [ -z "${VERSION:-}" ]; then
    case $newest in
        "$program" | "$program "*) VERSION=$program ;;
        Unreleased) VERSION=$program~git$(date --date "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S).$(git rev-parse --short=7 HEAD) ;;
        *) echo "deb: CHANGELOG.md begins with $newest, and the program says $program" >&2; exit 1 ;;
    esac
fi
export SOURCE=$PWD SOURCE_DATE_EPOCH DEB_BUILD_OPTIONS=nocheck

# The newest part of CHANGELOG.md as dch writes it: an item is a paragraph or a dash, in lines of 80 columns.
entries() {
    awk '
        function put(   words, count, i, line) {
            count = split(text, words, " ")
            if (!count) return
            line = lead
            for (i = 1; i <= count; i++) {
                if (length(line " " words[i]) > 80) { print line; line = rest }
                line = line (line == rest || line == lead ? "" : " ") words[i]
            }
            print line
            text = ""
        }
        /^## / { if (++part > 1) exit; next }
        !part { next }
        /^### / { put(); print "\n  [ " substr($0, 5) " ]"; next }
        /^ *$/ { put(); next }
        /^ *- / { put(); nested = /^ /; lead = nested ? "    - " : "  * "; rest = nested ? "      " : "    "; sub(/^ *- /, "") }
        text == "" && !/^ / && !/^- / && lead == "" { lead = "  * "; rest = "    " }
        { text = text " " $0 }
        END { put() }' "$SOURCE/CHANGELOG.md"
}

out=$(realpath --canonicalize-missing "${OUT:-.build/deb}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out" "$work/ais-hostd/docs"
cd "$work/ais-hostd"
cp -r "$SOURCE/packaging/debian" debian
cp -r "$SOURCE/docs/man" docs/man
cp "$SOURCE/.build/checkouts/swift-nio/NOTICE.txt" docs/NOTICE-swift-nio.txt
{
    printf 'ais-hostd (%s) unstable; urgency=medium\n\n' "$VERSION"
    entries | sed '/./,$!d'
    printf '\n -- %s  %s\n' "$(sed -n 's/^Maintainer: //p' debian/control)" \
        "$(date --date "@$SOURCE_DATE_EPOCH" --rfc-email)"
} >debian/changelog
dpkg-buildpackage --build=binary --no-sign --no-pre-clean >"$work/log" 2>&1 || { tail -30 "$work/log" >&2; exit 1; }
mv "$work/ais-hostd_${VERSION}_amd64.deb" "$out/"
echo "$out/ais-hostd_${VERSION}_amd64.deb"
