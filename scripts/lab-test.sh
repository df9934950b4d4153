#!/usr/bin/env bash
# Builds the lab where it is missing or has changed, and runs its tests against what `make release` built.
#
#   scripts/lab-test.sh [PYTEST'S WORDS]...     root; both may take MINUTES, 20 without
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
minutes=${MINUTES:-20}

skip() { # in CI what can't run is a failure
    echo "lab: skipped: $1"
    [ "${CI:-}" != true ] || exit 1
    exit 0
}
[ "$(id -u)" -eq 0 ] || skip "its machines take root"
grep -Rqs 'https\?://.*debian' /etc/apt/sources.list* || skip "its guests are made of Debian's packages, and /etc/apt has none"
scripts/deps.sh lab deb
cd Tests/Lab

# Python's own signal, also where it runs in the background and would not hear of it.
within() { # SECONDS COMMAND...
    local code=0
    timeout --foreground --signal INT --kill-after 30 "$1" env --default-signal=INT /usr/bin/python3 -m "${@:2}" || code=$?
    case $code in 124 | 137) echo "lab: red: not done within $minutes minutes" >&2 ;; esac
    return $code
}
within $((minutes * 60 - SECONDS)) lab build
within $((minutes * 60 - SECONDS)) pytest -n 2 "$@"
