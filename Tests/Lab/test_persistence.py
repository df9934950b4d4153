"""An MTU is there after a reboot though the daemon does not start, kept by whoever sets the link up."""

import pytest

ADDRESS = "192.0.2.7/24"


def networkd(node, nic):
    node.put("/etc/systemd/network/50-storage.network",
             f"[Match]\nName={nic}\n[Network]\nAddress={ADDRESS}\nLinkLocalAddressing=no\n")
    node.check(f"networkctl reload; networkctl reconfigure {nic}")


def netplan(node, nic):
    node.put("/etc/netplan/50-storage.yaml", mode="600", content=(
        f"network: {{version: 2, renderer: networkd, ethernets: {{{nic}: {{addresses: [{ADDRESS}]}}}}}}\n"))
    node.check("netplan apply")


def ifupdown(node, nic):
    node.put("/etc/network/interfaces", f"auto lo\niface lo inet loopback\nauto {nic}\niface {nic} inet static\n    address {ADDRESS}\n")
    node.check(
        "systemctl unmask networking.service ifupdown-pre.service; systemctl disable --now systemd-networkd.service"
        f" systemd-networkd.socket; systemctl enable networking.service; ip link set {nic} down; ifup {nic}")


OWNERS = {
    "networkd": (networkd, "/etc/systemd/network/50-storage.network.d/99-zz-ais-hostd.conf"),
    "netplan": (netplan, "/etc/systemd/network/10-netplan-{nic}.network.d/99-zz-ais-hostd.conf"),
    "ifupdown": (ifupdown, "/etc/network/interfaces"),
}


@pytest.mark.parametrize("owner", OWNERS)
def test_an_mtu_is_kept_over_a_reboot_by_its_owner(node, owner):
    nic = node.nic("igb")
    set_up, file = OWNERS[owner]
    set_up(node, nic)
    node.until(f"ip -4 addr show dev {nic} | grep -q {ADDRESS}")
    node.configure(f"allow: [link-flap]\nlink: [{{match: {{name: {nic}}}, mtu: 9000}}]")
    node.until(f"ais-hostd explain link/{nic}/mtu | grep -q {owner}")
    node.hostd("apply")
    assert "9000" in node.check(f"cat {file.format(nic=nic)}")
    node.check("sync")
    # The daemon is not enabled: whoever sets the link up does it alone.
    node.reboot()
    node.until(f"ip -4 addr show dev {nic} | grep -q {ADDRESS}")
    node.until(f"test $(cat /sys/class/net/{nic}/mtu) = 9000")
    assert node.run("ais-hostd check").code == 0
    node.hostd("revert --allow link-flap")
    assert node.run(f"grep 9000 {file.format(nic=nic)}").code != 0
    node.check("sync")
    node.reboot()
    node.until(f"ip -4 addr show dev {nic} | grep -q {ADDRESS}")
    assert node.check(f"cat /sys/class/net/{nic}/mtu") == "1500"
