"""Disks of each kind: their schedulers, depths and bounds, those that come and go, and those that die."""

import pytest

KERNELS = ["5.10", "6.1", "6.12"]
TUNED = "scheduler: mq-deadline, nr_requests: 4096, max_sectors_kb: max, read_ahead_kb: 4096, rq_affinity: 2, nomerges: 2"


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("disk", ["vblk", "shdd", "sssd", "scsi_debug", "nvme"])
def test_each_kind_takes_what_it_can(node, kernel, disk):
    if disk == "nvme":
        node.check("modprobe nvme_core multipath=N")
        node.plug_disk("nvme", "nv0", bus="rp1")
        node.until("test -b /dev/nvme0n1")
        name = "nvme0n1"
    elif disk == "scsi_debug":
        node.check("modprobe scsi_debug dev_size_mb=64 max_queue=64 submit_queues=2; udevadm settle")
        name = node.check("lsblk --nodeps --noheadings --output NAME,MODEL | awk '$2 == \"scsi_debug\" { print $1 }'")
    else:
        name = node.disk(disk)
    node.configure(f"block: [{{match: {{name: {name}}}, {TUNED}}}]")
    held = {id.rpartition("/")[2]: setting for id, setting in node.settings("apply").items()}
    assert held["scheduler"]["observed"] == "mq-deadline"
    assert (held["nr_requests"]["state"], held["nr_requests"]["observed"]) == ("adjusted", "2048")
    assert held["nr_requests"]["detail"] == "at most 2048 here (the kernel's limit under mq-deadline)"
    assert {setting["state"] for key, setting in held.items() if key != "nr_requests"} == {"inSync"}, held
    assert node.check(f"cat /sys/block/{name}/queue/read_ahead_kb") == "4096"
    # Without a scheduler it is the hardware's depth that bounds.
    node.configure(f"block: [{{match: {{name: {name}}}, scheduler: none, nr_requests: 4096}}]")
    depth = node.settings("apply")[f"block/{name}/nr_requests"]
    assert depth["state"] == "adjusted" and "the hardware's depth" in depth["detail"]
    assert depth["observed"] == node.check(f"cat /sys/block/{name}/mq/0/nr_tags")
    assert node.hostd("apply").startswith("lab: 1 adjusted, 1 in sync\n")
    node.hostd("revert")
    assert node.check(f"cat /sys/block/{name}/queue/read_ahead_kb") in ("128", "1024")


def test_the_head_of_an_nvme_multipath_is_never_called_in_sync(node):
    """Any name is written to its scheduler with success, and changes nothing."""
    node.plug_disk("nvme", "nv0", bus="rp1")
    node.until("test -b /dev/nvme0n1")
    assert node.check("cat /sys/block/nvme0n1/queue/scheduler") == "none"
    assert node.run("echo nonsense >/sys/block/nvme0n1/queue/scheduler").code == 0
    node.configure("block: [{match: {driver: nvme}, scheduler: mq-deadline, nr_requests: 512, read_ahead_kb: 4096}]")
    held = node.settings("apply")
    assert held["block/nvme0n1/scheduler"]["state"] == "unsupported"
    assert held["block/nvme0n1/nr_requests"]["state"] == "unsupported"
    assert "passes its requests on" in held["block/nvme0n1/nr_requests"]["detail"]
    assert held["block/nvme0n1/read_ahead_kb"]["state"] == "inSync"
    assert node.run("ais-hostd check").code == 0


def test_a_scheduler_that_is_a_module_is_loaded_by_the_daemon_in_its_sandbox(node):
    name = node.disk("shdd")
    assert "bfq" not in node.check(f"cat /sys/block/{name}/queue/scheduler")
    node.configure(f"block: [{{match: {{name: {name}}}, scheduler: bfq}}]")
    node.start()
    assert node.settings("status")[f"block/{name}/scheduler"]["state"] == "inSync"
    assert "[bfq]" in node.check(f"cat /sys/block/{name}/queue/scheduler")


def test_a_disk_in_the_place_of_another_has_originals_of_its_own(node):
    rule = "block: [{match: {serial: '*first'}, read_ahead_kb: 4096}, {match: {serial: '*second'}, read_ahead_kb: 512}]"
    node.configure(rule)
    node.start()
    node.plug_disk("scsi-hd", "first", bus="scsi.0", scsi_id=5)
    node.until("lsblk --nodeps --output SERIAL | grep first")
    first = node.disk("first")
    node.until(f"test $(cat /sys/block/{first}/queue/read_ahead_kb) = 4096")
    node.unplug("first")
    node.until(f"! test -e /sys/block/{first}")
    node.plug_disk("scsi-hd", "second", bus="scsi.0", scsi_id=5)
    node.until("lsblk --nodeps --output SERIAL | grep second")
    second = node.disk("second")
    assert second == first, "the name is the same"
    node.until(f"test $(cat /sys/block/{second}/queue/read_ahead_kb) = 512")
    ledger = node.check("cat /var/lib/ais-hostd/ledger.json")
    assert "first" in ledger and "second" in ledger
    held = node.becomes(f"block/{second}/read_ahead_kb")
    assert held[f"block/{second}/read_ahead_kb"]["original"] == "128"
    assert node.run("ais-hostd status").code == 0


def test_many_disks_at_once_are_each_tuned_once(node):
    node.configure("block: [{match: {model: 'scsi_debug*'}, read_ahead_kb: 2048, iostats: 0}]")
    node.start()
    node.check("modprobe scsi_debug dev_size_mb=8 num_tgts=8 max_luns=8 max_queue=64")
    count = "ls -d /sys/block/sd* | while read -r disk; do grep -qs scsi_debug $disk/device/model && echo $disk; done"
    node.until(f"test $({count} | wc -l) = 64")
    node.until("test $(grep -l '^2048$' /sys/block/sd*/queue/read_ahead_kb | wc -l) = 64")
    ask = "curl --silent --unix-socket /run/ais-hostd/api.sock http://localhost/metrics"
    node.until(f"{ask} | grep -F 'ais_hostd_settings{{domain=\"block\",state=\"inSync\"}} 128'")
    assert len(node.settings("status")) == 128
    metrics = node.check(ask)
    assert 'ais_hostd_writes_total{domain="block",result="done"} 128' in metrics, metrics
    assert 'ais_hostd_writes_total{domain="block",result="failed"} 0' in metrics


def test_a_disk_that_does_not_answer_holds_up_nobody_else(node):
    """Its commands never end: a change of its queue waits for them, and the kernel gives nobody a way out."""
    node.check("modprobe scsi_debug dev_size_mb=64 max_queue=8; udevadm settle")
    dead = node.check("lsblk --nodeps --noheadings --output NAME,MODEL | awk '$2 == \"scsi_debug\" { print $1 }'")
    well = node.disk("shdd")
    text = "mode: enforce\ninterval: 2s\nblock: [{match: {name: %s}, nr_requests: %s}, {match: {name: %s}, read_ahead_kb: 2048}]"
    node.configure(text % (dead, 8, well))
    node.start()
    assert node.run("ais-hostd status").code == 0
    # From now on no command is answered, and one is under way.
    node.check(
        f"echo 300 >/sys/block/{dead}/device/timeout;"
        " echo 4 >/sys/module/scsi_debug/parameters/opts; echo 1 >/sys/module/scsi_debug/parameters/every_nth;"
        f" (dd if=/dev/{dead} of=/dev/null bs=4k count=1 iflag=direct >/dev/null 2>&1 </dev/null &)")
    node.until(f"awk '$1 == 1 {{ found = 1 }} END {{ exit !found }}' /sys/block/{dead}/inflight")
    node.configure(text % (dead, 4, well))
    node.check("systemctl reload ais-hostd")
    node.until("timeout 20 ais-hostd status --output json | grep -q 'has not answered'")
    # It is said, and all else goes on.
    assert node.settings("status")[f"block/{dead}/nr_requests"]["state"] == "failed"
    node.check(f"echo 128 >/sys/block/{well}/queue/read_ahead_kb")
    node.until(f"test $(cat /sys/block/{well}/queue/read_ahead_kb) = 2048")
    assert node.check("systemctl is-active ais-hostd") == "active"
    assert node.check("systemctl show --property NRestarts --value ais-hostd") == "0"
