#!/usr/bin/env bash
# Fails when the release binary has grown too big, has taken in what it must not (full Foundation, and the 40 MB of ICU's
# tables behind it: one `String(format:)` or ISO8601DateFormatter, ours or a dependency's, is enough), or asks for what
# the oldest supported system has not.
#
#   scripts/check-binary.sh UNSTRIPPED STRIPPED
#
# To see it go red: LIMIT_MIB=1 make size; or, for ICU,
#   printf 'import Foundation\nprint(String(format: "%%d", 1))\n' >/tmp/red.swift
#   swiftc -static-stdlib /tmp/red.swift -o /tmp/red && scripts/check-binary.sh /tmp/red /tmp/red
# which wants libstdc++.so.6 too; or, for glibc, OLDEST=2.34 make size.
set -euo pipefail
export LC_ALL=C

unstripped=${1:-.build/release/ais-hostd}
stripped=${2:-.build/ais-hostd}
# 13.9 MiB of it are Swift's runtime, FoundationEssentials and ArgumentParser, before a line of ours.
# 15.5 MiB with the commands alone, 20.4 with the daemon and its HTTP, of which NIO is 4, 21.3 with links, CPUs and
# capture; with full Foundation in it the commands alone had 57.9.
limit_mib=${LIMIT_MIB:-22}

for file in "$unstripped" "$stripped"; do
    if [ ! -f "$file" ]; then
        echo "size: $file: no such file; make release" >&2
        exit 1
    fi
done

red=0

size=$(stat --format=%s "$stripped")
mib() { awk -v bytes="$1" 'BEGIN { printf "%.1f MiB", bytes / 1048576 }'; }
if [ "$size" -gt $((limit_mib * 1048576)) ]; then
    red=1
    echo "size: $stripped: $(mib "$size"), limit $limit_mib MiB."
    echo "    What came in? Compare with the last commit that was green: size -A $unstripped."
    echo "    If it is worth it, raise limit_mib in scripts/check-binary.sh, and say why in the commit."
fi

# Names before the strip; tables also after it, since they carry their own name.
names=$(nm "$unstripped" 2>/dev/null | awk '{ print $NF }')
if [ -z "$names" ]; then
    red=1
    echo "size: $unstripped: no symbols; the check for Foundation needs the binary before strip"
fi
foundation=$(grep -c '^\$s10Foundation[0-9A-Z]' <<<"$names" || true)
icu=$(grep -cE 'icudt[0-9]+_dat|_FoundationICU|FoundationInternationalization' <<<"$names" || true)
tables=$(strings -a "$stripped" | grep -cE '^icudt[0-9]+l' || true)
if [ "$foundation" -gt 0 ] || [ "$icu" -gt 0 ] || [ "$tables" -gt 0 ]; then
    red=1
    echo "size: $unstripped: holds full Foundation ($foundation of its symbols) or ICU ($icu symbols, $tables tables)."
    echo "    Who asked for it: grep -rnE 'import Foundation$' Sources .build/checkouts/*/Sources"
    echo "    Here it is FoundationEssentials only (docs/decisions/0004)."
fi

# Ubuntu 22.04, the oldest that is supported, has glibc 2.35; and these libraries, under the names that they have in
# Debian 12 and 13 too. libstdc++ is not one of them, so that there is no GLIBCXX to be too new.
oldest=${OLDEST:-2.35}
libraries="libc.so.6 libm.so.6 ld-linux-x86-64.so.2 libmnl.so.0 libudev.so.1 libyaml-0.so.2"
newest=$(objdump -T "$stripped" | grep -oP 'GLIBC_\K[0-9.]+' | sort -uV | tail -n 1)
if [ "$(printf '%s\n' $oldest "$newest" | sort -V | tail -n 1)" != $oldest ]; then
    red=1
    echo "size: $stripped: wants glibc $newest, $oldest is the newest that all supported systems have:"
    objdump -T "$stripped" | awk -v oldest=$oldest '
        match($0, /GLIBC_2\.[0-9]+/) && substr($0, RSTART + 8, RLENGTH - 8) + 0 > substr(oldest, 3) + 0 { print "    " $NF, $(NF - 1) }'
fi
for library in $(objdump -p "$stripped" | awk '$1 == "NEEDED" { print $2 }'); do
    case " $libraries " in *" $library "*) ;; *)
        red=1
        echo "size: $stripped: wants $library, which is not one that all supported systems have under this name"
        ;;
    esac
done

[ $red -eq 0 ] || exit 1
echo "size: $stripped: $(mib "$size") of at most $limit_mib MiB, no full Foundation, no ICU, glibc $newest"
