#!/usr/bin/env bash
# What the daemon costs: at rest, at start, and under load. `make bench-daemon`, or after it
#
#   benchmarks/daemon.sh AIS-HOSTD PLAIN-HTTP     both release builds, the first one stripped
#
# Root. Everything runs in a network and mount namespace of its own: only its own sysctls are written. REST is how many
# seconds it watches at rest, LOAD how long each load lasts, ROUNDS how often each is repeated.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
hostd=$(realpath "${1:-.build/ais-hostd}")
plain=$(realpath "${2:-.build/release/plain-http}")
rest=${REST:-60} load=${LOAD:-4} rounds=${ROUNDS:-3}

if [ "${INSIDE:-}" != yes ]; then
    INSIDE=yes exec unshare --net --mount --propagation private "$0" "$hostd" "$plain"
fi
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
ip link set lo up
work=$(mktemp -d "${TMPDIR:-/tmp}/ais-hostd-bench.XXXXXX")
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$work"' EXIT

start() { # CONFIGURATION...: the daemon, until its first pass has ended
    rm -rf "$work/state"
    "$hostd" run "$@" --state-dir "$work/state" 2>>"$work/log" &
    run=$!
    until curl --silent --fail --unix-socket /run/ais-hostd/api.sock http://localhost/readyz >/dev/null; do
        sleep 0.05
    done
}
switches() { awk '/ctxt_switches/ { sum += $2 } END { print sum }' /proc/"$1"/task/*/status; }
resident() { awk '/^(VmRSS|RssAnon|RssFile)/ { printf "%s %.1f MiB  ", $1, $2 / 1024 } END { print "" }' /proc/"$1"/status; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

echo "$(date --iso-8601) on Linux $(uname -r), $(nproc) processors, load $(cut -d ' ' -f 1 /proc/loadavg)"
echo "$hostd: $(stat --format=%s "$hostd") bytes"

# The reference profile: what a storage node of disks asks for.
reference=()
for profile in ais-required ais-network ais-vm ais-hdd; do reference+=(--config "etc/profiles/$profile/v1.yaml"); done
printf 'apiVersion: ais-hostd/v1\nmode: observe\n' >"$work/observe.yaml"

echo
echo "From exec to READY=1, the reference profile, $((rounds * 7)) starts"
cat >"$work/ready.py" <<'PYTHON'
import os, socket, subprocess, sys, time
path, rounds, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(path)
times = []
for _ in range(rounds):
    begun = time.monotonic()
    child = subprocess.Popen(command, env={**os.environ, "NOTIFY_SOCKET": path}, stderr=subprocess.DEVNULL)
    while b"READY=1" not in listener.recv(4096): pass
    times.append((time.monotonic() - begun) * 1000)
    child.terminate(); child.wait()
    listener.setblocking(False)
    try:
        while True: listener.recv(4096)
    except BlockingIOError: pass
    listener.setblocking(True)
times.sort()
print(f"  median {times[len(times) // 2]:.1f} ms, {times[0]:.1f} to {times[-1]:.1f}")
PYTHON
python3 "$work/ready.py" "$work/notify" $((rounds * 7)) "$hostd" run "${reference[@]}" --config "$work/observe.yaml" \
    --state-dir "$work/state"

echo
echo "At rest for $rest s, the reference profile, interval 60 s"
start "${reference[@]}" --config "$work/observe.yaml"
"$hostd" serve 2>>"$work/log" &
serve=$!
until curl --silent --fail http://127.0.0.1:9847/v1/status >/dev/null; do sleep 0.05; done
sleep 2
before=("$(switches $run)" "$(switches $serve)")
cpu=("$(cut -d ' ' -f 14,15 /proc/$run/stat)" "$(cut -d ' ' -f 14,15 /proc/$serve/stat)")
sleep "$rest"
echo "  run:   $(($(switches $run) - before[0])) context switches, $(resident $run)"
echo "         CPU ticks ${cpu[0]} -> $(cut -d ' ' -f 14,15 /proc/$run/stat), $(ls /proc/$run/task | wc -l) threads"
echo "  serve: $(($(switches $serve) - before[1])) context switches, $(resident $serve)"
echo "         CPU ticks ${cpu[1]} -> $(cut -d ' ' -f 14,15 /proc/$serve/stat), $(ls /proc/$serve/task | wc -l) threads"
kill $run $serve
wait $run $serve || true

# As many settings as a node of a thousand disks has: keys of links that exist.
for number in $(seq 170); do ip link add "a$number" type veth peer name "b$number"; done
{
    printf 'apiVersion: ais-hostd/v1\nmode: observe\nsysctl:\n'
    (cd /proc/sys && find net/ipv4/conf/[ab][0-9]* -type f) | head -10000 |
        while read -r file; do printf '  %s: %s\n' "$file" "$(cat "/proc/sys/$file")"; done
} >"$work/many.yaml"
start --config "$work/many.yaml"
"$hostd" serve 2>>"$work/log" &
serve=$!
url=http://127.0.0.1:9847/v1/status
until curl --silent --fail --output "$work/status" $url; do sleep 0.05; done
tag=$(curl --silent --head $url | tr -d '\r' | sed -n 's/^ETag: //p')
"$plain" 9848 "$work/status" &
prometheus-node-exporter --web.listen-address=127.0.0.1:9849 2>>"$work/log" &
until curl --silent --fail --output "$work/exporter" http://127.0.0.1:9849/metrics; do sleep 0.05; done
settings=$(grep -c '"id"' "$work/status")

echo
echo "HTTP under load: wrk, 1 thread, 8 connections, $load s, the medians of $rounds rounds; $settings settings"
echo "  a status is $(stat --format=%s "$work/status") bytes, the exporter's metrics $(stat --format=%s "$work/exporter")"
wrk_rate() { wrk --threads 1 --connections 8 --duration "${load}s" "$@" | awk '/Requests\/sec/ { print $2 }'; }
names=("plain NIO, 304" "serve, 304" "plain NIO, status" "serve, status" "serve, /metrics" "node_exporter, /metrics")
ask() {
    case $1 in
    0) wrk_rate --header "If-None-Match: $tag" http://127.0.0.1:9848/ ;;
    1) wrk_rate --header "If-None-Match: $tag" $url ;;
    2) wrk_rate http://127.0.0.1:9848/ ;;
    3) wrk_rate $url ;;
    4) wrk_rate http://127.0.0.1:9847/metrics ;;
    5) wrk_rate http://127.0.0.1:9849/metrics ;;
    esac
}
for _ in $(seq "$rounds"); do
    for index in "${!names[@]}"; do ask "$index" >>"$work/rate$index"; done
done
for index in "${!names[@]}"; do
    printf '  %-26s %10.1f requests a second\n' "${names[$index]}" "$(median <"$work/rate$index")"
done
echo "  run:   $(resident $run)"
echo "  serve: $(resident $serve)"
