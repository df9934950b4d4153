#!/usr/bin/env bash
# Packs what `make release` built: .build/deb/ais-hostd_VERSION_amd64.deb. `make deb`
#
# The version is the program's own; as long as the changelog has unreleased changes, it sorts below that, by the time of
# the last commit. VERSION=… overrules it.
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
work=.build/deb/work
rm -rf "$work"
mkdir -p "$work"
cp -r packaging/debian "$work/debian"
cat >"$work/debian/changelog" <<CHANGELOG
ais-hostd ($VERSION) unstable; urgency=medium

  * Changes are in /usr/share/doc/ais-hostd/NEWS.md.gz.

 -- $(sed -n 's/^Maintainer: //p' packaging/debian/control)  $(date --utc --date "@$stamp" --rfc-email)
CHANGELOG
mkdir "$work/docs"
cp CHANGELOG.md "$work/docs/NEWS.md"
echo docs/NEWS.md >"$work/debian/ais-hostd.docs"
(cd "$work" && dpkg-buildpackage --build=binary --no-sign --no-pre-clean >../build.log 2>&1) \
    || { tail -30 .build/deb/build.log >&2; exit 1; }
rm -rf "$work"
ls ".build/deb/ais-hostd_${VERSION}_amd64.deb"
