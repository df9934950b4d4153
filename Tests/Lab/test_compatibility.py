"""What each kernel makes of each knob of each driver: docs/compatibility.md is written by this, and held by it.

COMPATIBILITY=new make lab-test TESTS=test_compatibility.py writes it anew.
"""

import os
import re

import pytest

from conftest import CHECKOUT
from lab import recipe

KERNELS = ["5.10", "6.1", "6.12"]
DOCUMENT = CHECKOUT / "docs/compatibility.md"
HEADING = """# Kernels and drivers

What became of each knob when the lab asked for it, in virtual machines with the kernels of Debian 11, 12 and of its backports.
Written by `Tests/Lab/test_compatibility.py`, which fails where a kernel does something else.

- **held**: the kernel holds what was asked.
- **adjusted**: it took the wish and holds a value nearby, which `detail` explains.
- **unsupported**: this kernel, driver or device has no such knob; no fault.
- **refused**: the kernel said no; the error is beside it.
- **waits**: for a module, which the lab does not load.

Untested: Mellanox cards (their behaviour is written from the driver's source), RAID controllers, real SAS and NVMe
hardware, intel_pstate and amd-pstate, kernels before 5.10 and between these.
"""
NIC = "mtu: 9000, rings: {rx: max, tx: max, rx-jumbo: 1024}, channels: {combined: 1}"
DISK = (
    "scheduler: mq-deadline, nr_requests: 4096, read_ahead_kb: 4096, max_sectors_kb: max, rq_affinity: 2, nomerges: 2,"
    " iostats: 0, add_random: 0, wbt_lat_usec: 0, io_timeout: 60000, discard_max_bytes: max")


def word(setting):
    names = {"inSync": "held", "adjusted": "adjusted", "unsupported": "unsupported", "pending": "waits"}
    if setting["state"] in names:
        return names[setting["state"]]
    return "refused " + "".join(re.findall(r"\(E[A-Z0-9]+\)", setting["detail"])[-1:])


def asked(node, text, row):
    """What became of each setting, by its row in the table."""
    node.configure("allow: [io-stall, link-flap]\n" + text)
    settings = {id: setting for id, setting in node.settings("apply").items() if not setting["restoration"]}
    # Nothing that holds is written again, and nothing flaps between two words.
    again = node.settings("apply")
    assert {id: setting["state"] for id, setting in again.items()} == {
        id: setting["state"] for id, setting in settings.items()}
    return {row(id): word(setting) for id, setting in settings.items()}


@pytest.mark.parametrize("kernel", KERNELS)
def test_each_knob_does_what_the_document_says(node, kernel):
    found = {}
    for driver in ("igb", "e1000e", "vmxnet3", "virtio_net"):
        name = node.nic(driver)
        node.check(f"ip link set {name} up")
        found |= asked(node, f"link: [{{match: {{name: {name}}}, {NIC}}}]\n",
                       lambda id: f"link {driver} {id.rpartition('/')[2]}")
    node.check("modprobe scsi_debug dev_size_mb=64 max_queue=64 submit_queues=2 lbpu=1; udevadm settle")
    node.plug_disk("nvme", "head", bus="rp1")
    node.until("test -b /dev/nvme0n1")
    disks = {
        "virtio_blk": node.disk("vblk"), "sd (virtio-scsi)": node.disk("shdd"), "nvme, multipath head": "nvme0n1",
        "sd (scsi_debug)": node.check(
            "lsblk --nodeps --noheadings --output NAME,MODEL | awk '$2 == \"scsi_debug\" { print $1 }'")}
    for kind, name in disks.items():
        found |= asked(node, f"block: [{{match: {{name: {name}}}, {DISK}}}]\n",
                       lambda id: f"block {kind} {id.rpartition('/')[2]}")
    node.unplug("head")
    node.until("rmmod nvme nvme_core")
    node.check("modprobe nvme_core multipath=N")
    node.plug_disk("nvme", "plain", bus="rp2")
    node.until("test -b /dev/nvme0n1")
    found |= asked(node, f"block: [{{match: {{driver: nvme}}, {DISK}}}]\n",
                   lambda id: f"block nvme {id.rpartition('/')[2]}")
    for governor in ("performance", "powersave", "schedutil"):
        found |= asked(node, f"cpu: {{governor: {governor}}}\n", lambda id: f"cpu acpi-cpufreq governor {governor}")
    found |= asked(node, "cpu: {energy_performance_preference: performance}\n",
                   lambda id: "cpu acpi-cpufreq energy_performance_preference")
    found |= asked(node, "profiles: [ais-required/v1, ais-network/v1, ais-vm/v1]\n",
                   lambda id: f"sysctl {id.partition('/')[2]}")
    if os.environ.get("COMPATIBILITY") == "new":
        with recipe.locked("compatibility"):
            write(kernel, found)
    assert read(kernel) == found


def table():
    """The document's table: what each kernel makes of each row."""
    cells = {}
    for line in DOCUMENT.read_text().splitlines() if DOCUMENT.exists() else []:
        parts = [part.strip() for part in line.strip("|").split("|")]
        if line.startswith("| ") and parts[0] != "knob":
            cells[parts[0]] = dict(zip(KERNELS, parts[1:]))
    return cells


def read(kernel):
    return {row: cells[kernel] for row, cells in table().items() if cells.get(kernel, "–") != "–"}


def write(kernel, found):
    cells = table()
    for row in [*cells, *found]:
        cells.setdefault(row, {})[kernel] = found.get(row, "–")
    lines = [HEADING, f"| knob | {' | '.join(KERNELS)} |", "|---|" + "---|" * len(KERNELS)]
    for row, each in cells.items():
        lines.append(f"| {row} | " + " | ".join(each.get(kernel, "–") for kernel in KERNELS) + " |")
    DOCUMENT.write_text("\n".join(lines) + "\n")
