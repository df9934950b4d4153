"""A virtual machine of the lab: started from a snapshot of one that has booted, and gone with the process that made it."""

import base64
import contextlib
import dataclasses
import fcntl
import hashlib
import inspect
import itertools
import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

from . import recipe

# Names move with QEMU's version, addresses do not.
NICS = {
    "igb": "52:54:00:aa:01:00", "e1000e": "52:54:00:aa:02:00", "vmxnet3": "52:54:00:aa:03:00",
    "virtio_net": "52:54:00:aa:04:00", "port0": "52:54:00:aa:05:00", "port1": "52:54:00:aa:06:00",
}
# As they are at the start; NVMe disks come later, since a machine that has one can't be saved.
DISKS = {
    "vblk": "virtio-blk-pci,num-queues=2,serial=vblk0",
    "shdd": "scsi-hd,bus=scsi.0,rotation_rate=7200,serial=hdd0",
    "sssd": "scsi-hd,bus=scsi.0,rotation_rate=1,serial=ssd0",
}


# How many seconds a guest that is well may take for anything, on a host that does much else: what waits that long fails.
PATIENCE = 300


class GuestError(Exception):
    """A command in the guest ended with another code than 0, or did not end."""


class Unanswered(GuestError):
    """The guest may be busy, or on its way down."""


@dataclasses.dataclass(frozen=True)
class Result:
    code: int
    output: str


class Monitor:
    """QEMU's own ear: QMP."""

    def __init__(self, path, gone):
        self.gone = gone
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(path))
        self.lines = self.socket.makefile()
        self.events = []
        self.lines.readline()
        self.do("qmp_capabilities")

    def do(self, command, **arguments):
        arguments = {name.replace("_", "-"): value for name, value in arguments.items()}
        try:
            self.socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        except ConnectionError:
            raise self.gone() from None
        while True:
            answer = self._next()
            if "error" in answer:
                raise GuestError(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def typed(self, line):
        """A command of the monitor for people, which tells of errors in what it prints."""
        said = self.do("human-monitor-command", command_line=line)
        if said.strip():
            raise GuestError(f"{line}: {said}")

    def wait(self, event, **data):
        def found(one):
            return one.get("event") == event and data.items() <= one.get("data", {}).items()

        while not any(found(one) for one in self.events):
            self._next()
        self.events = [one for one in self.events if not found(one)]

    def _next(self):
        try:
            line = self.lines.readline()
        except ConnectionError:
            line = ""
        if not line:
            raise self.gone()
        answer = json.loads(line)
        if "event" in answer:
            self.events.append(answer)
        return answer


class Machine:
    """Two processors, 2 GiB, the links of NICS, the disks of DISKS, and room for what is plugged in."""

    def __init__(self, kernel="6.1", release="bookworm", *, disks=None, interactive=False):
        """From the snapshot of one that has booted; it boots from `disks` where they are given."""
        self.kernel, self.release = kernel, release
        self.folder, self.owner = workplace()
        self.numbers = itertools.count(1)
        try:
            for disk in (disks or snapshot(kernel, release)).glob("*.qcow2"):
                subprocess.run(["cp", "--reflink=auto", disk, self.folder], check=True)
            self._start(*([] if disks else ["-loadvm", "base"]), interactive=interactive)
            if disks:
                self.wait_for_shell()
            else:
                self.check(f"date --set @{time.time()} >/dev/null")
        except BaseException:
            self.close()
            raise

    def _start(self, *extra, interactive=False):
        command = qemu(self.kernel, self.release, self.folder, interactive)
        # A network of its own, with the device that a NIC of several queues takes, and gone when we are.
        script = (
            "ip link set lo up && ip tuntap add lab0 mode tap multi_queue && ip link set lab0 up mtu 9000 &&"
            ' exec setpriv --pdeathsig KILL "$@"'
        )
        self.log = (self.folder / "qemu.log").open("w")
        self.process = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", script, "sh", *command, *extra],
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "LD_LIBRARY_PATH": f"{recipe.built('tools')}/usr/lib/x86_64-linux-gnu",
                "QEMU_MODULE_DIR": f"{recipe.built('tools')}/usr/lib/x86_64-linux-gnu/qemu",
            },
            stdin=None if interactive else subprocess.DEVNULL, stdout=None if interactive else self.log,
            stderr=self.log)
        self.monitor = self._connected(lambda: Monitor(self.folder / "qmp", self._gone))
        self.agent = self._connected(self._agent)

    def _connected(self, connect):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                return connect()
            except (FileNotFoundError, ConnectionRefusedError):
                if self.process.poll() is not None:
                    raise self._gone() from None
                time.sleep(0.05)
        raise GuestError(f"QEMU does not listen: {(self.folder / 'qemu.log').read_text()}")

    def _gone(self):
        """How QEMU ended: minus a signal's number, and its last words."""
        code = self.process.wait(timeout=10)
        return GuestError(f"QEMU has gone, exit code {code}: {(self.folder / 'qemu.log').read_text()}")

    def _agent(self):
        agent = socket.socket(socket.AF_UNIX)
        agent.connect(str(self.folder / "agent"))
        return agent

    # Commands

    def run(self, script, timeout=PATIENCE, number=None):
        """Runs a script of bash as root. An answer to an earlier one with its `number` is as good."""
        number = number or self._number()
        self.agent.settimeout(timeout)
        try:
            self.agent.sendall(f"\n{number} {base64.b64encode(script.encode()).decode()}\n".encode())
        except ConnectionError:
            raise self._gone() from None
        except TimeoutError:
            raise Unanswered(f"not taken within {timeout} s: {script}") from None
        deadline, answer = time.monotonic() + timeout, b""
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Unanswered(f"no answer within {timeout} s: {script}")
            self.agent.settimeout(left)
            try:
                received = self.agent.recv(1 << 16)
            except TimeoutError:
                continue
            except ConnectionError:
                received = b""
            if not received:
                raise self._gone()
            answer += received
            *lines, answer = answer.split(b"\n")
            for line in lines:
                words = line.decode().split(" ")
                if words[0] == number:
                    output = base64.b64decode(words[2]) if len(words) > 2 else b""
                    return Result(int(words[1]), output.decode(errors="replace"))

    def _number(self):
        return f"{next(self.numbers):x}.{time.monotonic_ns():x}"

    def check(self, script, timeout=PATIENCE):
        """The same; what it prints, without the last line's end. Raises where its code is not 0."""
        result = self.run(f"set -e\n{script}", timeout)
        if result.code != 0:
            raise GuestError(f"exit code {result.code}: {script}\n{result.output}")
        return result.output.rstrip("\n")

    def until(self, script, timeout=PATIENCE):
        """Waits until a script ends well."""
        waiting = f"end=$((SECONDS + {timeout})); until (\n{script}\n) >/tmp/until 2>&1; do"
        waiting += " [ $SECONDS -lt $end ] || { cat /tmp/until; exit 1; }; sleep 0.2; done; cat /tmp/until"
        result = self.run(waiting, timeout + 60)
        if result.code != 0:
            raise GuestError(f"not within {timeout} s: {script}\n{result.output}")
        return result.output.rstrip("\n")

    def wait_for_shell(self, gone=""):
        """Waits until it answers from another boot than the one that is to be `gone`, and answers which."""
        deadline, number = time.monotonic() + PATIENCE, self._number()
        while time.monotonic() < deadline:
            # What is sent on its way down is lost, so it is sent again; what is sent on its way up is kept, all of it.
            with contextlib.suppress(Unanswered):
                boot = self.run("cat /proc/sys/kernel/random/boot_id", 5, number).output.strip()
                if boot not in ("", gone):
                    return boot
                time.sleep(0.5)
        raise GuestError(f"no shell within {PATIENCE} s\n{self.console()}")

    # Files

    def put(self, path, content, mode="644"):
        """A small file. A large one, or many: `insert`."""
        data = base64.b64encode(content.encode() if isinstance(content, str) else content).decode()
        self.check(f"mkdir -p $(dirname {path}); base64 -d <<<'{data}' >{path}; chmod {mode} {path}")

    def get(self, path):
        return base64.b64decode(self.check(f"base64 -w0 {path}"))

    def insert(self, image, into="/"):
        """Copies what is in an image of `disk_of` into a folder of the guest."""
        self.monitor.do("blockdev-add", driver="raw", node_name="insert", read_only=True,
                        file={"driver": "file", "filename": str(image)})
        self.monitor.do("device_add", driver="scsi-hd", bus="scsi.0", id="insert", drive="insert")
        self.until("findfs LABEL=insert")
        self.check(
            f"mkdir -p /mnt/insert {into}; mount -r LABEL=insert /mnt/insert; rm -rf /mnt/insert/lost+found || true;"
            f" cp -a /mnt/insert/. {into}; rm -rf {into}/lost+found; umount /mnt/insert; udevadm settle")
        self.unplug("insert")

    # Hardware

    def nic(self, kind):
        """What the link of this kind is called in the guest."""
        address = NICS.get(kind, kind)
        return self.check(
            "udevadm settle; for link in /sys/class/net/*; do"
            f" [ \"$(cat $link/address 2>/dev/null)\" != {address} ] || [ ! -e $link/device ] ||"
            " basename $link; done")

    def disk(self, kind):
        """What the disk with this serial, or of this kind, is called in the guest."""
        serial = DISKS.get(kind, f"serial={kind}").rpartition("serial=")[2]
        return self.until(
            f"lsblk --nodeps --noheadings --output NAME,SERIAL | awk '$2 == \"{serial}\" {{ print $1 }}' | grep .")

    def plug(self, driver, id, **properties):
        self.monitor.do("device_add", driver=driver, id=id, **properties)

    def plug_disk(self, driver, id, size=1 << 30, **properties):
        """An empty disk: `nvme` with `bus="rp1"`, or `scsi-hd` with `bus="scsi.0"`."""
        file = self.folder / f"{id}.raw"
        with file.open("wb") as disk:
            disk.truncate(size)
        self.monitor.do("blockdev-add", driver="raw", node_name=id, file={"driver": "file", "filename": str(file)})
        self.plug(driver, id, drive=id, serial=properties.pop("serial", id), **properties)

    def plug_nic(self, driver, id, **properties):
        self.monitor.do("netdev_add", type="user", id=f"net-{id}", restrict=True)
        self.plug(driver, id, netdev=f"net-{id}", romfile="", **properties)

    def unplug(self, id):
        """Waits until the guest has let go of it."""
        self.monitor.do("device_del", id=id)
        self.monitor.wait("DEVICE_DELETED", device=id)
        for undo in (lambda: self.monitor.do("blockdev-del", node_name=id),
                     lambda: self.monitor.do("netdev_del", id=f"net-{id}")):
            try:
                undo()
            except GuestError:
                pass

    # Life

    def reset(self):
        """Pulls the plug: what the guest had not written to its disk is lost. Answers before it is up again."""
        self.monitor.do("system_reset")
        # It comes after the answer: until then what runs goes on, and may still answer.
        self.monitor.wait("RESET", guest=False)

    def pull_the_plug(self):
        self.reset()
        self.wait_for_shell()

    def reboot(self):
        before = self.wait_for_shell()
        self.check("systemctl reboot --no-block")
        self.wait_for_shell(before)

    def console(self):
        return (self.folder / "console").read_text(errors="replace")

    def journal(self, *options, timeout=PATIENCE):
        return self.run(f"journalctl --no-pager --boot {' '.join(options)}", timeout).output

    def close(self):
        if hasattr(self, "process"):
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.owner.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def workplace():
    """A folder for a machine, and what is open as long as its owner lives. Those of owners that were killed go."""
    for old in pathlib.Path(tempfile.gettempdir()).glob("ais-hostd-lab-*/owner"):
        with contextlib.suppress(FileNotFoundError, BlockingIOError), old.open() as owner:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(old.parent, ignore_errors=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ais-hostd-lab-"))
    owner = (folder / "new").open("w")
    fcntl.flock(owner, fcntl.LOCK_SH)
    (folder / "new").rename(folder / "owner")
    return folder, owner


def qemu(kernel, release, folder, interactive=False):
    """The command line. A snapshot takes the very same devices again."""
    tools = recipe.built("tools") / "usr"
    # One thread for both processors. With two, QEMU 10.0 ends at times when devices come and go, and at reboots: one runs on
    # with a map of memory that the other has replaced (`iotlb_to_section: Assertion ... failed`). It is no faster either.
    accelerator = "tcg,thread=single,tb-size=512"
    serial = ["stdio,id=console,signal=off"] if interactive else [f"file,id=console,path={folder}/console"]
    command = [
        f"{tools}/bin/qemu-system-x86_64", "-L", f"{tools}/share/qemu", "-L", f"{tools}/share/seabios",
        "-machine", "q35", "-accel", accelerator, "-cpu", "Nehalem", "-smp", "2", "-m", "2048",
        "-nodefaults", "-no-user-config", "-display", "none",
        "-kernel", f"{recipe.built('kernels')}/boot/vmlinuz-{recipe.release_of(kernel)}",
        "-initrd", f"{recipe.built(f'image_{release}')}/initrd-{kernel}",
        # no_timer_check: where the host is busy the kernel finds its timers broken.
        "-append", "console=ttyS0 quiet loglevel=4 mitigations=off audit=0 nokaslr random.trust_cpu=on no_timer_check",
        "-chardev", *serial, "-serial", "chardev:console", "-qmp", f"unix:{folder}/qmp,server=on,wait=off",
        "-device", "virtio-rng-pci", "-device", "virtio-serial-pci",
        "-chardev", f"socket,id=agent,path={folder}/agent,server=on,wait=off",
        "-device", "virtserialport,chardev=agent,name=lab",
        "-device", "pc-testdev", "-acpitable", f"file={recipe.built('acpi')}/pss.aml",
        "-drive", f"file={folder}/root.qcow2,if=none,id=root,format=qcow2,cache=unsafe,discard=unmap",
        "-device", "virtio-blk-pci,drive=root,serial=labroot", "-device", "virtio-scsi-pci,id=scsi,num_queues=2",
    ]
    for number, (kind, address) in enumerate(NICS.items()):
        if kind == "virtio_net":
            command += ["-netdev", f"tap,id=n{number},ifname=lab0,script=no,downscript=no,queues=2"]
            device = "virtio-net-pci,mq=on,vectors=6,rx_queue_size=1024,tx_queue_size=256,host_mtu=9000"
        else:
            command += ["-netdev", f"user,id=n{number},restrict=on"]
            device = "e1000e" if kind.startswith("port") else kind
        command += ["-device", f"{device},netdev=n{number},mac={address},romfile="]
    for number in range(1, 5):
        command += ["-device", f"pcie-root-port,id=rp{number},chassis={number},slot={number}"]
    for name, device in DISKS.items():
        command += ["-drive", f"file={folder}/{name}.qcow2,if=none,id={name},format=qcow2,cache=unsafe,discard=unmap",
                    "-device", f"{device},drive={name}"]
    return command


def snapshot(kernel, release):
    """The folder of the disks of a machine that has booted, with the machine in them; made where it is missing."""
    image = recipe.ensure(f"image_{release}")
    recipe.ensure("acpi")

    def boot(folder):
        create = ["qemu-img", "create", "-q", "-f", "qcow2"]
        subprocess.run([*create, "-b", image / "disk.qcow2", "-F", "qcow2", folder / "root.qcow2"], check=True)
        for name in DISKS:
            subprocess.run([*create, folder / f"{name}.qcow2", "4G"], check=True)
        with Machine(kernel, release, disks=folder) as machine:
            machine.run("systemctl is-system-running --wait; udevadm settle")
            machine.check("modprobe acpi-cpufreq; sync; echo 3 >/proc/sys/vm/drop_caches")
            machine.monitor.typed("savevm base")
            machine.monitor.do("quit")
            machine.process.wait()
            for disk in machine.folder.glob("*.qcow2"):
                shutil.copy(disk, folder)

    key = hashlib.sha256((
        "".join(recipe.stamp(name) for name in (f"image_{release}", "tools", "acpi")) + inspect.getsource(qemu)
        + inspect.getsource(snapshot) + repr((NICS, DISKS))).encode()).hexdigest()[:16]
    name = f"snapshot_{release}_{kernel}"
    return recipe.made(recipe.LAB / f"{name}-{key}", name, boot)


def disk_of(tree, file):
    """An image of a folder, for `insert`."""
    size = sum(path.stat().st_size for path in pathlib.Path(tree).rglob("*") if path.is_file())
    with open(file, "wb") as disk:
        disk.truncate(size + size // 4 + (16 << 20))
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-L", "insert", "-O", "^has_journal", "-d", tree, file], check=True)
    return file
