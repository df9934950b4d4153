#!/usr/bin/env bash
# Boots a copy of this host's own files in a container with a network of its own, runs a command of this checkout there,
# and prints what that prints. Nothing of the copy is kept. Root; with systemd-nspawn.
#
#   scripts/boot-copy.sh COMMAND...
#
# The container may write to its own net.* sysctls and to nothing else of the kernel: this host is not touched.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ "${INSIDE:-}" != yes ]; then INSIDE=yes exec unshare --mount --propagation private "$0" "$@"; fi

world=$(mktemp -d)
trap 'umount --lazy "$world/root" "$world" 2>/dev/null; rmdir "$world"' EXIT
mount -t tmpfs tmpfs "$world"
mkdir "$world"/{root,upper,work}
mount -t overlay -o "lowerdir=/,upperdir=$world/upper,workdir=$world/work" overlay "$world/root"
# A container image forbids its packages to start anything.
rm -f "$world/root/usr/sbin/policy-rc.d"
rm -rf "$world"/root/etc/ais-hostd "$world"/root/var/lib/ais-hostd "$world"/root/etc/systemd/system/*.wants
mkdir -p "$world/root/etc/systemd/system/default.target.wants"
ln -s ../trial.service "$world/root/etc/systemd/system/default.target.wants/"
cat >"$world/root/etc/systemd/system/trial.service" <<UNIT
[Unit]
After=basic.target
[Service]
Type=oneshot
WorkingDirectory=$PWD
ExecStart=$*
ExecStopPost=systemctl poweroff --force
StandardOutput=file:/trial
UNIT
SYSTEMD_NSPAWN_API_VFS_WRITABLE=network timeout "${SECONDS_AT_MOST:-300}" systemd-nspawn --quiet \
    --directory "$world/root" --boot --bind-ro="$PWD" --private-network --register=no --keep-unit \
    >"$world/console" 2>&1 </dev/null || true
cat "$world/root/trial" 2>/dev/null || { tail -30 "$world/console" >&2; exit 1; }
