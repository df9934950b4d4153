#!/usr/bin/env bash
# Packs what `make release` built: .build/deb/ais-hostd_VERSION_amd64.deb. `make deb`
#
# The version is the program's own; as long as the changelog has unreleased changes, it sorts below that, by the time of
# the last commit. VERSION=… overrules it, OUT=… says where to.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
test -x .build/ais-hostd || { echo "make release first" >&2; exit 1; }

stamp=$(git log -1 --format=%ct 2>/dev/null || date +%s)
program=$(sed -n 's/.*static let version = "\(.*\)"/\1/p' Sources/ais-hostd/AisHostd.swift)
if [ -z "${VERSION:-}" ]; then
    VERSION=$program
    if grep -q '^## Unreleased' CHANGELOG.md; then VERSION+="~$(date --utc --date "@$stamp" +%Y%m%d%H%M%S)"; fi
fi
export SOURCE=$PWD SOURCE_DATE_EPOCH=$stamp DEB_BUILD_OPTIONS="nocheck ${DEB_BUILD_OPTIONS:-}"
out=$(realpath --canonicalize-missing "${OUT:-.build/deb}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out" "$work/source/docs"
cp -r packaging/debian "$work/source/debian"
cp CHANGELOG.md "$work/source/docs/NEWS.md"
echo docs/NEWS.md >"$work/source/debian/ais-hostd.docs"
cat >"$work/source/debian/changelog" <<CHANGELOG
ais-hostd ($VERSION) unstable; urgency=medium

  * Changes are in /usr/share/doc/ais-hostd/NEWS.md.gz.

 -- $(sed -n 's/^Maintainer: //p' packaging/debian/control)  $(date --utc --date "@$stamp" --rfc-email)
CHANGELOG
cd "$work/source"
dpkg-buildpackage --build=binary --no-sign --no-pre-clean >"$work/log" 2>&1 || { tail -30 "$work/log" >&2; exit 1; }
mv "$work/ais-hostd_${VERSION}_amd64.deb" "$out/"
ls "$out/ais-hostd_${VERSION}_amd64.deb"
