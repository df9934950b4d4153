"""The plug is pulled while settings are applied, originals noted and files for the next boot written."""

import json
import os
import random

import pytest

# `make lab-soak` pulls it more often.
CUTS = int(os.environ.get("CUTS") or 5)
KEYS = {
    "net.core.somaxconn": 65535, "net.core.optmem_max": 99999, "net.ipv4.tcp_max_syn_backlog": 8192, "vm.swappiness": 7,
    "net.core.netdev_max_backlog": 30000, "vm.vfs_cache_pressure": 40, "net.ipv4.tcp_mtu_probing": 2,
}


@pytest.mark.parametrize("cut", range(CUTS))
def test_a_power_cut_tears_nothing(node, cut):
    chance = random.Random(f"cut {cut} of {os.environ.get('SEED', '')}")
    disk = node.disk("shdd")
    originals = {key: node.check(f"cat /proc/sys/{key.replace('.', '/')} | tr '\\t' ' '") for key in KEYS}
    sysctls = "".join(f"  {key}: {value}\n" for key, value in KEYS.items())
    text = f"mode: enforce\ninterval: 1s\nsysctl:\n{sysctls}block: [{{match: {{name: {disk}}}, read_ahead_kb: 4096, scheduler: mq-deadline}}]\n"
    node.configure(text)
    node.check("systemctl enable ais-hostd.service; sync")
    if chance.random() < 0.5:
        # It has been at work for a while.
        node.start()
        node.check("sync" if chance.random() < 0.5 else "true")
    # Over and over: back to the originals, and all of it again.
    node.check(
        "(while :; do ais-hostd apply; ais-hostd revert; systemctl restart ais-hostd; ais-hostd apply; done"
        " >/dev/null 2>&1 </dev/null &)")
    node.check(f"sleep {chance.uniform(0.1, 5):.2f}")
    node.pull_the_plug()
    node.until("systemctl is-system-running | grep -qE 'running|degraded'")
    # What is there is whole.
    for file in node.check("find /var/lib/ais-hostd -name '*.json'").split():
        json.loads(node.get(file))
    boot = node.run("cat /etc/sysctl.d/99-zz-ais-hostd.conf 2>/dev/null").output
    assert boot == "" or boot.endswith("\n")
    for line in boot.splitlines():
        assert line.startswith("#") or line.split(" = ")[0].lstrip("-").replace("/", ".") in KEYS, line
    node.until("systemctl is-active ais-hostd.service")
    # A cut may have come before the first write, or after a revert: what is asked for has to come true again.
    node.hostd("apply", codes=(0,))
    held = node.settings("status")
    assert {setting["state"] for setting in held.values()} == {"inSync"}, held
    for key, value in KEYS.items():
        assert held[f"sysctl/{key}"]["original"] == originals[key], f"{key}: the true original is lost"
    left = "find /var/lib/ais-hostd /etc/sysctl.d -name '.*.tmp'"
    assert "/var/lib" not in node.check(left), "what a crash left goes with the next start"
    node.hostd("revert")
    assert node.check(left) == "", "and what it left of a file with the next change of that"
    for key in KEYS:
        assert node.check(f"cat /proc/sys/{key.replace('.', '/')} | tr '\\t' ' '") == originals[key]
