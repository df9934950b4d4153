"""The lab itself: what the other tests take for granted."""

import time

import pytest

from lab import machine as machines

KERNELS = ["5.10", "6.1", "6.12"]


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_kernel_boots_and_checks(node, kernel):
    assert node.check("uname -r").startswith(f"{kernel}.")
    assert node.run("exit 7").code == 7
    assert node.check("ais-hostd --version").startswith("ais-hostd ")
    drivers = node.check("for link in /sys/class/net/*/device/driver; do basename $(readlink $link); done").split()
    assert sorted(drivers) == ["e1000e", "e1000e", "e1000e", "igb", "virtio_net", "vmxnet3"]
    assert node.check("cat /sys/devices/system/cpu/cpufreq/policy*/scaling_driver").split() == ["acpi-cpufreq"] * 2


@pytest.mark.guest(release="trixie", kernel="6.12")
def test_debian_13(node):
    assert "VERSION_CODENAME=trixie" in node.check("cat /etc/os-release")
    assert node.check("ais-hostd --version").startswith("ais-hostd ")


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
    machine.pull_the_plug()
    assert machine.check("cat /root/kept; cat /root/lost 2>/dev/null || true") == "kept"


def test_a_reboot_keeps_files(machine):
    machine.check("echo kept >/etc/kept")
    machine.reboot()
    assert machine.check("cat /etc/kept") == "kept"
    assert machine.check("systemctl is-system-running --wait || systemctl --failed --no-legend") == "running"


def test_the_guest_has_the_time(machine):
    assert abs(float(machine.check("date +%s.%N")) - time.time()) < 60
