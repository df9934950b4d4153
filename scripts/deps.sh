#!/usr/bin/env bash
# Installs what is missing here to build, test and measure, and nothing else: on a machine that has it all this is a
# few look-ups and no network.
#
#   scripts/deps.sh [build|test|run|bench|lab|deb]...     all of them without an argument
set -euo pipefail

missing=()

need() { # PACKAGE TEST: the package is missing where the test fails
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
}
command_of() { command -v "$1"; }
# Sbin is not on everybody's PATH, yet what lies there is installed.
system_command() { PATH=$PATH:/usr/sbin:/sbin command -v "$1"; }
# The static Swift runtime is linked with it; gcc alone does not bring it.
linkable() { command -v gcc && [ "$(gcc -print-file-name="$1")" != "$1" ]; }
library() { pkg-config --exists "$1"; }

for group in "${@:-all}"; do
    case $group in build | test | run | bench | lab | deb | all) ;; *)
        echo "usage: scripts/deps.sh [build|test|run|bench|lab|deb]..." >&2
        exit 64
        ;;
    esac
    # What every group needs: the compiler's own helpers, and the libraries that Package.swift names.
    need gcc command_of gcc
    need libc6-dev test -e /usr/include/stdio.h
    need g++ linkable libstdc++.so
    need binutils command_of strip
    need make command_of make
    need git command_of git
    need pkg-config command_of pkg-config
    need libyaml-dev library yaml-0.1
    need libudev-dev library libudev
    need libmnl-dev library libmnl
    need libsystemd-dev library libsystemd
    case $group in test | all)
        need curl command_of curl            # clients of the endpoint
        need strace command_of strace        # `check` opens nothing for writing: strace is the witness
        need procps system_command sysctl    # the same values as sysctl(8)
        need util-linux system_command unshare
        need mount system_command losetup    # loop disks have real queues
        need iproute2 system_command ip      # links that come and go
        need curl command_of curl            # a client that is not ours
        need e2fsprogs system_command mkfs.ext4 # a disk that holds /boot
        need prometheus command_of promtool  # whether Prometheus takes our metrics
        need systemd-container command_of systemd-nspawn # the units under a real systemd
        need systemd command_of systemd-analyze # whether systemd takes our units
        need iproute2 system_command ip      # links that come and go, in a network of the test's own
        need ethtool system_command ethtool  # the same rings and channels as ethtool(8), and its changes are heard
        ;;
    esac
    case $group in run | all)
        need curl command_of curl
        need iproute2 system_command ip
        need procps system_command sysctl
        need util-linux system_command unshare
        need mount system_command losetup
        ;;
    esac
    case $group in deb | all)
        need debhelper command_of dh
        need lintian command_of lintian
        need lowdown command_of lowdown      # ais-hostd.yaml(5) out of docs/configuration.md
        ;;
    esac
    case $group in lab | all)
        need mmdebstrap command_of mmdebstrap # trees of Debian's packages
        need qemu-utils command_of qemu-img
        need python3 test -x /usr/bin/python3
        need python3-pytest test -e /usr/lib/python3/dist-packages/pytest
        need python3-pytest-xdist test -e /usr/lib/python3/dist-packages/xdist
        need python3-pytest-timeout test -e /usr/lib/python3/dist-packages/pytest_timeout.py
        need cpio command_of cpio
        need busybox-static test -x /bin/busybox
        need xz-utils command_of xz
        need zstd command_of zstd
        need kmod system_command depmod
        need e2fsprogs system_command mke2fs
        need util-linux system_command setpriv
        need iproute2 system_command ip
        ;;
    esac
    case $group in bench | all)
        need wrk command_of wrk              # the load on the endpoint
        need prometheus-node-exporter system_command prometheus-node-exporter # what it is compared with
        need curl command_of curl
        need iproute2 system_command ip
        need procps system_command sysctl    # the shell that check is compared with
        need ethtool system_command ethtool  # the same of links
        need python3 command_of python3      # it sees when a link is tuned
        need mount system_command losetup
        ;;
    esac
done

if [ ${#missing[@]} -gt 0 ]; then
    mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        # -n: whoever would have to type a password does it by hand, with the line below.
        if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
            as_root=(sudo -n env)
        else
            as_root=(refuse)
        fi
    fi
    if ! command -v apt-get >/dev/null; then
        echo "deps: missing: ${missing[*]} (Debian's names), and there is no apt-get here to install them" >&2
        exit 1
    fi
    if [ "${as_root[*]}" = refuse ]; then
        echo "deps: missing: ${missing[*]}; root, or a sudo that asks no password, installs them here. By hand:" >&2
        echo "    sudo apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
    echo "deps: installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt=("${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get)
    [ ${#as_root[@]} -gt 0 ] || apt=(apt-get)
    # A stale list is refreshed where it can be; whether the packages are there is what counts.
    "${apt[@]}" update --quiet || echo "deps: apt-get update failed, trying with the lists that are here" >&2
    if ! "${apt[@]}" install --quiet --yes --no-install-recommends "${missing[@]}" </dev/null; then
        echo "deps: apt-get could not install ${missing[*]}" >&2
        exit 1
    fi
fi

if ! command -v swift >/dev/null; then
    echo "deps: no Swift toolchain found: install one from swift.org (6.1 or newer, 6.3 is what we use)" >&2
    exit 1
fi
