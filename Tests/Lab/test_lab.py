"""The lab itself: what the other tests take for granted."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

from lab import machine as machines
from lab import recipe

KERNELS = ["5.10", "6.1", "6.12"]


def python(*words, **options):
    """Another Python that finds the lab, its own recipe or the one in `here`."""
    here = options.pop("here", recipe.HERE)
    return subprocess.Popen(
        [sys.executable, "-B", *words], cwd=here, env={**os.environ, "PYTHONPATH": str(here), "LAB": str(recipe.LAB)}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_kernel_boots_and_checks(node, kernel):
    assert node.check("uname -r").startswith(f"{kernel}.")
    assert node.run("exit 7").code == 7
    assert node.check("ais-hostd --version").startswith("ais-hostd ")
    assert {setting["state"] for setting in node.settings("check").values()} <= {"inSync", "drifted", "pending"}
    drivers = node.check("for link in /sys/class/net/*/device/driver; do basename $(readlink $link); done").split()
    assert sorted(drivers) == ["e1000e", "e1000e", "e1000e", "igb", "virtio_net", "vmxnet3"]
    assert node.check("cat /sys/devices/system/cpu/cpufreq/policy*/scaling_driver").split() == ["acpi-cpufreq"] * 2
    node.check("modprobe --all bonding 8021q veth dummy scsi_debug nvme bfq")
    # There, and asleep.
    node.check("command -v netplan nmcli ifup needrestart sshd")
    asleep = "NetworkManager networking ssh ais-hostd"
    assert node.run(f"systemctl is-active {asleep}").output.split() == ["inactive"] * 4


@pytest.mark.guest(release="trixie", kernel="6.12")
def test_debian_13(node):
    assert "VERSION_CODENAME=trixie" in node.check("cat /etc/os-release")
    assert node.check("ais-hostd --version").startswith("ais-hostd ")


def test_a_qemu_that_ends_is_told_with_how(machine):
    machine.process.kill()
    for use in (lambda: machine.run("true"), lambda: machine.run("true"), machine.pull_the_plug):
        with pytest.raises(machines.GuestError, match="QEMU has gone, exit code -9"):
            use()


def test_files_go_in_and_out(machine):
    machine.put("/a/b", b"\0\n\xff", mode="755")
    assert machine.get("/a/b") == b"\0\n\xff"
    assert machine.check("stat -c %a /a/b") == "755"


def test_an_error_says_what_was_said(machine):
    with pytest.raises(machines.GuestError, match="exit code 2: ls /nowhere\n.*No such file"):
        machine.check("ls /nowhere")


def test_disks_and_links_come_and_go(machine):
    machine.plug_disk("nvme", "extra", bus="rp1")
    machine.until("test -b /dev/nvme0n1")
    machine.plug_nic("e1000e", "late", bus="rp2", mac="52:54:00:aa:07:00")
    machine.until("grep -l 52:54:00:aa:07:00 /sys/class/net/*/address")
    machine.unplug("extra")
    machine.unplug("late")
    machine.until("! test -b /dev/nvme0n1 && ! grep -l 52:54:00:aa:07:00 /sys/class/net/*/address")


def test_a_power_cut_loses_what_was_not_written(machine):
    machine.check("echo kept >/root/kept; sync; echo lost >/root/lost")
    before = machine.check("cat /proc/sys/kernel/random/boot_id")
    machine.pull_the_plug()
    assert machine.check("cat /proc/sys/kernel/random/boot_id") != before
    assert machine.check("cat /root/kept; cat /root/lost 2>/dev/null || true") == "kept"


def test_a_reboot_keeps_files(machine):
    machine.check("echo kept >/etc/kept")
    machine.reboot()
    assert machine.check("cat /etc/kept") == "kept"
    assert machine.check("systemctl is-system-running --wait || systemctl --failed --no-legend") == "running"


def test_the_guest_has_the_time_after_a_reset_too(machine):
    def off():
        return abs(float(machine.check("date +%s.%N")) - time.time())

    assert off() < 60
    machine.pull_the_plug()
    assert off() < 60


@pytest.mark.parametrize("where", ["test", "fixture"])
def test_what_fails_shows_console_and_journal(tmp_path, where):
    fails = "machine.check('echo on-the-$((40 + 2))-console >/dev/console; logger in-the-$((40 + 2))-journal; exit 3')"
    (tmp_path / "test_red.py").write_text(
        "import pytest\n@pytest.fixture\ndef ready(machine):\n    %s\n    return machine\ndef test_red(ready):\n    %s\n"
        % (("pass", fails.replace("machine", "ready")) if where == "test" else (fails, "pass")))
    red = python(
        "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", str(tmp_path))
    said, _ = red.communicate(timeout=300)
    assert red.returncode == 1, said
    _, _, shown = said.partition("- console -")
    console, _, journal = shown.partition("- journal -")
    assert "on-the-42-console" in console and "in-the-42-journal" in journal, said


def test_a_killed_test_leaves_nothing(machine):
    """Its QEMU goes with it, and its files when the next machine starts."""
    other = python("-c", (
        "from lab.machine import Machine; machine = Machine()\n"
        "print(machine.process.pid, machine.folder, flush=True); machine.process.wait()"))
    pid, folder = next(line for line in other.stdout if not line.startswith("lab:")).split()
    assert (pathlib.Path("/proc") / pid / "comm").read_text().startswith("qemu")
    other.send_signal(signal.SIGKILL)
    other.wait()
    deadline = time.monotonic() + 120
    while pathlib.Path("/proc", pid).exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not pathlib.Path("/proc", pid).exists()
    with machines.Machine() as another:
        assert not pathlib.Path(folder).exists()
        assert another.folder.exists() and machine.folder.exists(), "those of the living stay"


def test_checkouts_of_one_recipe_share_what_is_built(tmp_path):
    ours = [recipe.built(name).name for name in recipe.PARTS]
    here = tmp_path / "elsewhere/Tests/Lab"
    shutil.copytree(recipe.HERE, here, ignore=shutil.ignore_patterns("__pycache__"))
    show = "from lab import recipe; print(*(recipe.built(name).name for name in recipe.PARTS))"
    assert python("-c", show, here=here).communicate(timeout=120)[0].split() == ours
    # Another recipe changes what is made of it, and only that.
    with (here / "guest/init").open("a") as init:
        init.write("# another\n")
    theirs = python("-c", show, here=here).communicate(timeout=120)[0].split()
    assert {name.partition("-")[0] for name in set(theirs) - set(ours)} == {"image_bookworm", "image_trixie"}
