#!/usr/bin/env bash
# What a check costs on this machine, and how a pass grows with the host: `make bench`, or after it
#
#   benchmarks/run.sh AIS-HOSTD ASSESSMENT-BENCHMARK     both release builds, the first one stripped
#
# Reads the kernel only. As root it makes ten loop disks of its own and detaches them at the end; without, the first
# table is about sysctls alone. ROUNDS and PASSES change how often. Numbers compare on one machine in one run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
hostd=$(realpath "${1:-.build/ais-hostd}")
assessment=$(realpath "${2:-.build/release/assessment-benchmark}")
rounds=${ROUNDS:-200}
passes=${PASSES:-15}
disks=10

work=$(mktemp -d "${TMPDIR:-/tmp}/ais-hostd-bench.XXXXXX")
loops=()
finish() {
    for loop in "${loops[@]}"; do losetup --detach "$loop"; done
    rm -rf "$work"
}
trap finish EXIT

gcc -O2 -o "$work/race" benchmarks/race.c
gcc -O2 -o "$work/readfiles" benchmarks/readfiles.c

echo "$(date --iso-8601) on Linux $(uname -r), $(nproc) processors, load $(cut -d ' ' -f 1 /proc/loadavg)"
echo "$hostd: $(stat --format=%s "$hostd") bytes, $(ldd "$hostd" | grep -c '=>') shared libraries"

# Forty sysctls and five attributes of each disk, asked for as they are: a check of a host in order.
names=(
    net.core.{somaxconn,rmem_max,wmem_max,rmem_default,wmem_default,netdev_max_backlog,optmem_max}
    net.ipv4.tcp_{rmem,wmem,mem,max_syn_backlog,max_tw_buckets,mtu_probing,rfc1337,slow_start_after_idle,timestamps}
    net.ipv4.tcp_{tw_reuse,fin_timeout,keepalive_time,keepalive_intvl,keepalive_probes,sack,window_scaling}
    net.ipv4.{ip_forward,tcp_ecn,tcp_congestion_control,tcp_no_metrics_save,tcp_moderate_rcvbuf,tcp_syncookies}
    vm.{dirty_background_ratio,dirty_ratio,dirty_expire_centisecs,dirty_writeback_centisecs,max_map_count}
    vm.{min_free_kbytes,overcommit_memory,swappiness,vfs_cache_pressure,zone_reclaim_mode}
    fs.{file-max,nr_open,aio-max-nr} fs.inotify.{max_user_watches,max_user_instances} kernel.{pid_max,threads-max}
)
attributes=(scheduler nr_requests read_ahead_kb rq_affinity nomerges)
present=()
files=()
for name in "${names[@]}"; do
    if [ -r "/proc/sys/${name//.//}" ] && [ ${#present[@]} -lt 40 ]; then
        present+=("$name")
        files+=("/proc/sys/${name//.//}")
    fi
done
if [ "$(id -u)" -eq 0 ]; then
    for number in $(seq $disks); do
        truncate --size 16M "$work/disk$number"
        loops+=("$(losetup --find --show "$work/disk$number")")
    done
fi
settings=("${files[@]}")
for loop in "${loops[@]}"; do
    for attribute in "${attributes[@]}"; do settings+=("/sys/block/${loop#/dev/}/queue/$attribute"); done
done

sysctls() {
    echo "apiVersion: ais-hostd/v1"
    echo "sysctl:"
    for name in "${present[@]}"; do echo "  $name: $(tr -s '\t' ' ' <"/proc/sys/${name//.//}")"; done
}
sysctls >"$work/sysctls.yaml"
{
    sysctls
    if [ ${#loops[@]} -gt 0 ]; then echo "block:"; fi
    for loop in "${loops[@]}"; do
        queue=/sys/block/${loop#/dev/}/queue
        echo "  - match: {name: ${loop#/dev/}}"
        for attribute in "${attributes[@]}"; do
            echo "    $attribute: $(sed 's/.*\[\(.*\)\].*/\1/' "$queue/$attribute")"
        done
    done
} >"$work/all.yaml"

queues=("${settings[@]:${#files[@]}}")
{
    echo "sysctl -n ${present[*]}"
    if [ ${#queues[@]} -gt 0 ]; then echo "cat ${queues[*]}"; fi
} >"$work/once.sh"
{
    printf 'sysctl -n %s\n' "${present[@]}"
    if [ ${#queues[@]} -gt 0 ]; then printf 'cat %s\n' "${queues[@]}"; fi
} >"$work/each.sh"

check="$hostd check --state-dir $work/state --output json"
$check --config "$work/all.yaml" >"$work/report.json" || {
    echo "bench: not everything is in sync:" >&2
    $check --config "$work/all.yaml" --output table >&2
}
echo
echo "${#present[@]} sysctls and ${#queues[@]} attributes of ${#loops[@]} loop disks, $rounds rounds, whole processes:"
"$work/race" "$rounds" \
    "C: open, read, close" "$work/readfiles ${settings[*]}" \
    "check" "$check --config $work/all.yaml" \
    "check, table" "$hostd check --state-dir $work/state --config $work/all.yaml" \
    "check of the sysctls alone" "$check --config $work/sysctls.yaml" \
    "validate" "$hostd validate --config $work/all.yaml" \
    "start to exit (--version)" "$hostd --version" \
    "sh: sysctl -n K..., cat FILE..." "sh $work/once.sh"
echo
"$work/race" $((rounds / 10 + 1)) \
    "check" "$check --config $work/all.yaml" \
    "sh: sysctl -n, cat for each" "sh $work/each.sh"

heading() {
    printf '%6s  %8s  %8s  %8s  %8s  %13s  %8s  %6s\n' \
        settings inventory desire assess both "10 % - 90 %" "a setting" peak "" ms ms ms ms ms µs MiB
}

sizes=(1 10 100 300 1000)
trees=()
for size in "${sizes[@]}"; do
    "$assessment" write "$size" "$work/tree$size"
    trees+=("$work/tree$size")
done
echo
echo "One pass over disks of ten attributes each, medians of $passes passes, all sizes in every round:"
heading
"$assessment" "$passes" "${trees[@]}" | tee "$work/times"
echo
echo "The same with two of ten attributes drifted:"
"$assessment" drifted "$passes" "${trees[@]}"
echo
echo "The first pass of a process that makes only this one, and its memory:"
for tree in "${trees[@]}"; do "$assessment" 1 "$tree"; done | tee "$work/memory"

if command -v gnuplot >/dev/null; then
    paste "$work/times" "$work/memory" >"$work/growth"
    gnuplot -e "growth='$work/growth'" benchmarks/growth.gp >"${PLOT:-.build/growth.svg}"
    echo
    echo "plotted: ${PLOT:-.build/growth.svg}"
fi
