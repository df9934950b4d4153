"""Builds what the machines are made of, from Debian's packages: kernels, guests, and the QEMU that runs them.

Each part is a function. It is built where its own text, the files of `guest/` that it names, or a part that it takes
have not been built before. What it is made of is in its folder's name, so that checkouts with other recipes use one
`LAB` without taking anything from each other.
"""

import contextlib
import fcntl
import hashlib
import inspect
import os
import pathlib
import shutil
import subprocess
import time

from . import archive

HERE = pathlib.Path(__file__).resolve().parents[1]
GUEST = HERE / "guest"
LAB = pathlib.Path(os.environ.get("LAB") or HERE.parents[1] / ".lab").resolve()

# The first part of the version is what tests ask for; the newest of each in the suites of `tools` is taken.
KERNELS = ["5.10", "6.1", "6.12"]
RELEASES = {"bookworm": ["5.10", "6.1", "6.12"], "trixie": ["6.12"]}

# What is switched on only where a test does so: three more ways to set up a network, needrestart, and sshd.
PACKAGES = (
    "systemd-sysv udev dbus kmod iproute2 ethtool xfsprogs procps util-linux curl"
    " libyaml-0-2 libmnl0 libsystemd0 libudev1 zstd xz-utils netplan.io ifupdown network-manager needrestart"
    " openssh-server"
).split()

MODULES = (
    "arch crypto lib block virt mm net/core net/ipv4 net/ipv6 net/sched net/netfilter net/bridge net/8021q net/802"
    " net/llc net/packet net/unix net/dns_resolver fs/xfs fs/ext4 fs/jbd2 fs/mbcache.ko* fs/fuse fs/nls fs/overlayfs"
    " fs/autofs fs/configfs drivers/block drivers/nvme drivers/scsi drivers/ata drivers/virtio drivers/cpufreq"
    " drivers/acpi drivers/dax drivers/nvdimm drivers/ptp drivers/pps drivers/dca drivers/i2c drivers/firmware"
    " drivers/base drivers/cdrom drivers/md drivers/target drivers/hwmon/hwmon.ko* drivers/char/virtio_console.ko*"
    " drivers/char/hw_random drivers/net/virtio_net.ko* drivers/net/vmxnet3 drivers/net/veth.ko* drivers/net/dummy.ko*"
    " drivers/net/tun.ko* drivers/net/net_failover.ko* drivers/net/bonding drivers/net/mdio drivers/net/phy"
    " drivers/net/mii.ko* drivers/net/mdio.ko* drivers/net/vxlan* drivers/net/netdevsim drivers/net/macvlan.ko*"
    " drivers/net/ethernet/intel net/tls"
).split()

DEBOOTSTRAP = [
    "mmdebstrap", "--mode=root", "--format=directory", '--aptopt=Acquire::Languages "none"',
    "--aptopt=APT::Install-Recommends=false",
    *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("man", "doc", "locale", "info")),
]
APT = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends"]


def run(*command, **options):
    """Runs a command; what it prints goes to the log, whose end is told where it fails."""
    log = LAB / "build.log"
    environment = {**os.environ, "TMPDIR": str(LAB / "tmp"), "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    with log.open("ab") as output:
        output.write(f"\n$ {' '.join(map(str, command))}\n".encode())
        output.flush()
        done = subprocess.run(
            list(map(str, command)), stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, **options)
    if done.returncode != 0:
        tail = log.read_text(errors="replace").splitlines()[-25:]
        raise SystemExit(f"lab: {command[0]} failed with exit code {done.returncode}:\n" + "\n".join(tail))


@contextlib.contextmanager
def locked(name):
    """One at a time, also among processes."""
    (LAB / "tmp").mkdir(parents=True, exist_ok=True)
    with (LAB / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


PARTS = {}


def part(*takes, files=(), uses=()):
    """Declares a part: what it takes, the files of `guest/` and the other values that it is made of."""

    def declare(build):
        name = build.__name__
        text = inspect.getsource(build) + repr(uses)
        for file in sorted(found for pattern in files for found in GUEST.glob(pattern) if found.is_file()):
            text += f"{file.relative_to(GUEST)} {file.stat().st_mode & 0o111} {file.read_bytes().hex()}"
        text += "".join(stamp(other) for other in takes)
        PARTS[name] = (hashlib.sha256(text.encode()).hexdigest()[:16], takes, build)
        return build

    return declare


def stamp(name):
    """What a part is made of, as a short text that changes with any of it."""
    return PARTS[name][0]


def built(name):
    """The folder of a part."""
    return LAB / f"{name}-{stamp(name)}"


def ensure(name):
    """Builds a part where it is missing, what it takes first. Answers its folder."""
    _, takes, build = PARTS[name]
    for other in takes:
        ensure(other)
    return made(built(name), "build", build)


def made(folder, lock, build):
    """Makes a folder where it is missing, whole or not at all, and marks it as used."""
    with contextlib.suppress(FileNotFoundError):
        os.utime(folder)
        return folder
    with locked(lock):
        if not folder.exists():
            start = time.monotonic()
            print(f"lab: building {folder.name}", flush=True)
            unfinished = folder.with_name(f".{folder.name}")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            build(unfinished)
            # What mmdebstrap makes is as old as its newest file: it was used just now.
            os.utime(unfinished)
            unfinished.rename(folder)
            print(f"lab: {folder.name} took {time.monotonic() - start:.0f} s", flush=True)
    return folder


def resolver(tree):
    """Lets commands in a tree find the archive."""
    shutil.copyfile("/etc/resolv.conf", tree / "etc/resolv.conf")


@part(uses=DEBOOTSTRAP)
def tools(folder):
    """A QEMU that has igb, which Debian 12's own has not; it runs from outside. And iasl, and gcc for a module."""
    suites = ["bookworm", "bookworm-security", "bookworm-backports", "bullseye", "bullseye-security"]
    include = "acpica-tools,gcc,make,libc6-dev,kmod,xz-utils,zstd,bc"
    run(*DEBOOTSTRAP, "--variant=apt", f"--include={include}", "bookworm", folder, *archive.sources(*suites))
    resolver(folder)
    run("chroot", folder, "apt-get", "update", "--quiet")
    run("chroot", folder, *APT, "--target-release", "bookworm-backports", "qemu-system-x86", "qemu-utils")


@part("tools", uses=KERNELS)
def kernels(folder):
    """Newest of each, unpacked: no bootloader and no initramfs is wanted."""
    chroot = built("tools")
    for version in KERNELS:
        names = subprocess.run(
            ["chroot", chroot, "apt-cache", "search", "--names-only", rf"^linux-image-{version}\.[0-9].*-amd64$"],
            capture_output=True, text=True, check=True).stdout.split("\n")
        names = [line.split()[0] for line in names if line and not any(w in line for w in ("cloud", "rt-", "dbg", "unsigned"))]
        newest = max(names, key=lambda name: [int(n) if n.isdigit() else 0 for n in name.replace("-", ".").split(".")])
        run("chroot", chroot, "sh", "-c", f"mkdir -p /k && cd /k && rm -f {newest}_*.deb && apt-get download {newest}")
        run("dpkg-deb", "-x", next((chroot / "k").glob(f"{newest}_*.deb")), folder)
        release = newest.removeprefix("linux-image-")
        run("depmod", "-b", folder, release)
        (folder / f"boot/{version}").write_text(release)


def release_of(kernel):
    """The whole name of the kernel whose version begins so: `6.1` is `6.1.0-56-amd64`."""
    return (built("kernels") / f"boot/{kernel}").read_text()


@part("tools", files=["cpufreq/pss.asl"])
def acpi(folder):
    """The table that gives both processors clocks to choose from."""
    shutil.copy(GUEST / "cpufreq/pss.asl", built("tools"))
    run("chroot", built("tools"), "iasl", "-p", "/pss", "/pss.asl")
    shutil.copy(built("tools") / "pss.aml", folder)


@part("tools", "kernels", files=["cpufreq/labcpufreq.c", "cpufreq/Kbuild"])
def cpufreq(folder):
    """A driver of a clock that can fail, for Linux 6.1."""
    chroot, release = built("tools"), release_of("6.1")
    run("chroot", chroot, *APT, f"linux-headers-{release}")
    shutil.copytree(GUEST / "cpufreq", chroot / "cpufreq", dirs_exist_ok=True)
    run("chroot", chroot, "make", "-C", f"/lib/modules/{release}/build", "M=/cpufreq", "CC=gcc-12", "modules")
    shutil.copy(chroot / "cpufreq/labcpufreq.ko", folder)


def tree(folder, release, packages):
    """A guest's files as its packages bring them."""
    suites = archive.sources(release, f"{release}-security")
    run(*DEBOOTSTRAP, "--variant=minbase", f"--include={','.join(packages)}", release, folder, *suites)


@part(uses=(DEBOOTSTRAP, PACKAGES))
def bookworm(folder):
    tree(folder, "bookworm", PACKAGES)


@part(uses=(DEBOOTSTRAP, PACKAGES))
def trixie(folder):
    tree(folder, "trixie", PACKAGES)


def image(folder, release):
    """A disk of a guest and the initial RAM disks that find it."""
    root = folder / "root"
    run("cp", "-a", "--reflink=auto", built(release), root)
    shutil.copytree(GUEST / "root", root, dirs_exist_ok=True)
    for name in ("etc/machine-id", "etc/resolv.conf"):
        (root / name).unlink(missing_ok=True)
    (root / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    for kernel in RELEASES[release]:
        modules(root, release_of(kernel))
        initrd(folder, root, kernel)
    if release == "bookworm":
        shutil.copy(built("cpufreq") / "labcpufreq.ko", root / "root")
    run("chroot", root, "passwd", "--delete", "root")
    run("chroot", root, "systemctl", "--quiet", "set-default", "multi-user.target")
    run("chroot", root, "systemctl", "--quiet", "enable", "lab-agent.service", "systemd-networkd.service")
    # What wakes up by itself, who else sets up networks, and sshd: a test that wants one unmasks it.
    for unit in (
        "apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service"
        " fstrim.timer man-db.timer systemd-networkd-wait-online.service systemd-timesyncd.service"
        " getty@tty1.service systemd-pstore.service systemd-binfmt.service logrotate.timer xfs_scrub_all.timer"
        " NetworkManager.service NetworkManager-wait-online.service NetworkManager-dispatcher.service"
        " wpa_supplicant.service networking.service ifupdown-pre.service ssh.service ssh.socket"
    ).split():
        run("chroot", root, "systemctl", "--quiet", "mask", unit)
    for pattern in ("var/cache/apt/archives/*.deb", "var/lib/apt/lists/*", "var/cache/apt/*.bin"):
        for path in root.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    raw = folder / "disk.img"
    with raw.open("wb") as file:
        file.truncate(3 << 30)
    run("mke2fs", "-q", "-t", "ext4", "-L", "labroot", "-m", "0", "-O", "^metadata_csum", "-d", root, raw)
    run("qemu-img", "convert", "-O", "qcow2", raw, folder / "disk.qcow2")
    raw.unlink()
    shutil.rmtree(root)


def modules(root, release):
    """Of the kernel's modules those that the lab wants: a tenth."""
    source, target = built("kernels") / f"lib/modules/{release}", root / f"lib/modules/{release}"
    (target / "kernel").mkdir(parents=True)
    wanted = [path for pattern in MODULES for path in (source / "kernel").glob(pattern)]
    for path in wanted:
        place = target / "kernel" / path.relative_to(source / "kernel")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(path, place, dirs_exist_ok=True) if path.is_dir() else shutil.copy(path, place)
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        shutil.copy(source / name, target)
    run("depmod", "-b", root, release)


def initrd(folder, root, kernel):
    """Busybox, and the modules of the root disk in their order."""
    release, box = release_of(kernel), folder / "initrd"
    for name in ("bin", "modules", "proc", "sys", "dev", "root"):
        (box / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", box / "bin/busybox")
    (box / "bin/sh").symlink_to("busybox")
    shutil.copy(GUEST / "init", box / "init")
    order = []
    for module in ("virtio_pci", "virtio_blk", "ext4", "crc32c_generic"):
        shown = subprocess.run(
            ["modprobe", "-d", root, "-S", release, "--show-depends", module], capture_output=True, text=True)
        for line in shown.stdout.splitlines():
            if line.startswith("insmod") and line.split()[1] not in order:
                order.append(line.split()[1])
    for path in order:
        unpack = {".xz": ["xz", "-dc"], ".zst": ["zstd", "-qdc"]}.get(pathlib.Path(path).suffix, ["cat"])
        name = pathlib.Path(path).name.removesuffix(".xz").removesuffix(".zst")
        (box / "modules" / name).write_bytes(subprocess.run([*unpack, path], capture_output=True, check=True).stdout)
    names = [pathlib.Path(path).name.removesuffix(".xz").removesuffix(".zst") for path in order]
    (box / "modules/order").write_text("".join(f"{name}\n" for name in names))
    run("sh", "-c", f"find . | cpio -o -H newc -R 0:0 --quiet | gzip -1 > ../initrd-{kernel}", cwd=box)
    shutil.rmtree(box)


COMMON = [inspect.getsource(made) for made in (tree, image, modules, initrd)]


@part("bookworm", "kernels", "cpufreq", files=["root/**/*", "init"], uses=(COMMON, MODULES))
def image_bookworm(folder):
    image(folder, "bookworm")


@part("trixie", "kernels", files=["root/**/*", "init"], uses=(COMMON, MODULES))
def image_trixie(folder):
    image(folder, "trixie")


def build():
    """All of it. What nobody has used for two weeks goes."""
    for name in PARTS:
        ensure(name)
    with locked("build"):
        for folder in LAB.glob("*-" + "[0-9a-f]" * 16):
            if folder.stat().st_mtime < time.time() - 14 * 24 * 3600:
                shutil.rmtree(folder)
