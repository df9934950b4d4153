#!/usr/bin/env bash
# Feeds the parsers of what the kernel sends with what no kernel would: libFuzzer, from the frames of a real kernel in
# Tests/Golden/netlink. What it finds lies in .build/fuzz/netlink-*.
#
#   FUZZ_SECONDS=600 scripts/fuzz.sh
#
# A package target can't be built for it: libFuzzer brings main, and its instrumentation is for these files alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=${FUZZ_SECONDS:-60}
folder=.build/fuzz
mkdir -p "$folder/seeds" "$folder/corpus" "$folder/modules"
printf 'module CLinux { header "%s"\n export * }\n' "$PWD/Sources/CLinux/include/CLinux.h" >"$folder/modules/module.modulemap"

parsers=(AttributeReader NetlinkMessage NetlinkRequest NetlinkTransport NetlinkClient GenericFamily EthtoolCommand
    LinkMessage)
files=("${parsers[@]/#/Sources/HostKernel/Netlink/}")
files=("${files[@]/%/.swift}")
# Built again only when it could be another: half a minute.
if [ -z "$(find "$folder/netlink" -newer scripts/fuzz.sh 2>/dev/null)" ] \
    || [ -n "$(find Sources/HostModel Sources/HostKernel/Netlink Sources/CLinux Tests/Fuzz Tests/HostKernelTests/ReadAll.swift \
        -type f -newer "$folder/netlink")" ]; then
    common=(-swift-version 6 -O -package-name ais_hostd -parse-as-library -I "$folder/modules"
        -enable-upcoming-feature ExistentialAny -enable-upcoming-feature MemberImportVisibility
        -enable-upcoming-feature InternalImportsByDefault)
    # Overflows trap in -O too; -Ounchecked would hide them.
    swiftc "${common[@]}" -wmo -module-name HostModel -emit-module -emit-module-path "$folder/modules/HostModel.swiftmodule" \
        -c Sources/HostModel/*.swift -o "$folder/HostModel.o"
    swiftc "${common[@]}" -wmo -sanitize=fuzzer -module-name HostKernel \
        -emit-module -emit-module-path "$folder/modules/HostKernel.swiftmodule" \
        -c "${files[@]}" -o "$folder/HostKernel.o"
    swiftc "${common[@]}" -sanitize=fuzzer -module-name Fuzz \
        Tests/Fuzz/Netlink.swift Tests/HostKernelTests/ReadAll.swift \
        "$folder/HostKernel.o" "$folder/HostModel.o" -lmnl -o "$folder/netlink"
fi

for frame in Tests/Golden/netlink/*.hex; do
    # The bytes of the frame: all but the comments.
    # shellcheck disable=SC2059
    printf "$(sed -e 's/#.*//' "$frame" | tr -d ' \n' | sed 's/../\\x&/g')" >"$folder/seeds/$(basename "$frame" .hex)"
done

if ! "$folder/netlink" -max_total_time="$seconds" -max_len=4096 -timeout=5 -rss_limit_mb=1024 -verbosity=0 \
    -print_final_stats=1 -artifact_prefix="$folder/netlink-" "$folder/corpus" "$folder/seeds" >"$folder/log" 2>&1; then
    tail -40 "$folder/log"
    echo "fuzz: red: the input is in $folder/netlink-*" >&2
    exit 1
fi
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$folder/log")
[ "${runs:-0}" -gt 1000 ] || { cat "$folder/log"; echo "fuzz: only ${runs:-0} inputs were tried" >&2; exit 1; }
echo "fuzz: green: $runs inputs in $seconds s"
