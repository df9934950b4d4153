#!/usr/bin/env bash
# How long the short-lived commands take on this machine: `make bench`.
# They read only. Numbers compare on one quiet machine, not between two.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
hostd=${1:-.build/ais-hostd}

profiles=""
for profile in etc/profiles/*/v1.yaml; do
    profiles+=" --config $profile"
done

# check ends with 2 where something differs, and that is no failure of the measurement.
hyperfine --shell=none --warmup 5 --min-runs 50 --ignore-failure \
    --command-name "start to exit (--help)" "$hostd --help" \
    --command-name "validate, all profiles" "$hostd validate$profiles" \
    --command-name "check, all profiles" "$hostd check$profiles --output json"

echo "size: $(stat --format=%s "$hostd") bytes, $(ldd "$hostd" | grep -c '=>') shared libraries"
