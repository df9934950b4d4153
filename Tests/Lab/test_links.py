"""Links with the drivers of real cards, as QEMU emulates them."""

import pytest

# What each driver takes: rings at most, whether channels can be set, the largest MTU, and whether the carrier goes and
# comes with a change of the MTU and of the rings.
DRIVERS = {
    "igb": dict(rings={"rx": 4096, "tx": 4096}, channels=True, mtu=9216, drops=True),
    "e1000e": dict(rings={"rx": 4096, "tx": 4096}, channels=False, mtu=9212, drops=True),
    "vmxnet3": dict(rings={"rx": 4096, "tx": 4096}, channels=False, mtu=9000, drops=True),
    "virtio_net": dict(rings={"rx": 1024, "tx": 256}, channels=True, mtu=9000, drops=False),
}


@pytest.fixture
def up(node):
    """All links up, with their carriers."""
    node.check("for link in /sys/class/net/enp*; do ip link set $(basename $link) up; done")
    node.until("! grep -L 1 /sys/class/net/enp*/carrier | grep .")
    # Some come up twice.
    changes = "cat /sys/class/net/enp*/carrier_changes"
    node.until(f"{changes} >/tmp/before; sleep 3; {changes} | cmp - /tmp/before")
    return node


def link(node, kind, **attributes):
    name = node.nic(kind)
    node.configure("allow: [link-flap]\nlink:\n  - match: {name: %s}\n%s" % (
        name, "".join(f"    {key}: {value}\n" for key, value in attributes.items())))
    return name


def settle(node, name, changes=0):
    """Waits for the carrier, and until it has changed so often."""
    folder = f"/sys/class/net/{name}"
    node.until(f"test $(cat {folder}/carrier) = 1 && test $(cat {folder}/carrier_changes) -ge {changes}")


@pytest.mark.parametrize("driver", DRIVERS)
def test_each_driver_takes_its_most_and_flaps_once_for_each_change(up, driver):
    node, takes = up, DRIVERS[driver]
    asked = {}
    for attribute, value in {"mtu": "max", "rings": "{rx: max, tx: max}"}.items():
        # What is no longer asked goes back to what it was: so both.
        asked[attribute] = value
        name = link(node, driver, **asked)
        before = node.carrier_changes(name)
        held = node.settings("apply")
        # A drop is two changes: gone, and back.
        expected = before + (2 if takes["drops"] else 0)
        settle(node, name, expected)
        assert {setting["state"] for setting in held.values()} <= {"inSync", "adjusted"}, held
        if attribute == "mtu":
            assert node.check(f"cat /sys/class/net/{name}/mtu") == str(takes["mtu"])
        elif driver == "vmxnet3":
            # Three buffers hold a packet of this size: the most is a multiple of 96.
            assert held[f"link/{name}/rings.rx"]["observed"] in ("4032", "4096")
        else:
            for ring, most in takes["rings"].items():
                assert held[f"link/{name}/rings.{ring}"]["observed"] == str(most)
        # Nothing to do, nothing done.
        node.settings("apply")
        assert node.carrier_changes(name) == expected, attribute
        assert node.run("ais-hostd check").code == 0


@pytest.mark.parametrize("driver", DRIVERS)
def test_channels_where_the_driver_has_them(up, driver):
    node = up
    name = link(node, driver, channels="{combined: 1}")
    channels = node.settings("apply", codes=(0, 2))[f"link/{name}/channels.combined"]
    if driver == "e1000e":
        assert channels["state"] == "unsupported"
        assert channels["detail"] == f"the driver of {name} has no channels.combined"
        assert node.run("ais-hostd check").code == 0
    elif not DRIVERS[driver]["channels"]:
        # It tells how many, and takes no other number.
        assert channels["state"] == "failed" and "EOPNOTSUPP" in channels["detail"], channels
        assert node.run("ais-hostd check").code == 2
    else:
        assert (channels["state"], channels["observed"]) == ("inSync", "1")
        assert "1" == node.check(f"ethtool -l {name} | awk '/^Current/ {{ found = 1 }} found && /Combined/ {{ print $2 }}'")


def test_what_vmxnet3_rounds_is_adjusted_after_one_write(up):
    node = up
    # 1000 would become 1024, which it has from the start, and drop nothing.
    name = link(node, "vmxnet3", rings="{rx: 2000}")
    before = node.carrier_changes(name)
    rings = node.settings("apply")[f"link/{name}/rings.rx"]
    assert (rings["state"], rings["desired"], rings["observed"]) == ("adjusted", "2000", "2016")
    settle(node, name, before + 2)
    for _ in range(3):
        assert node.settings("apply")[f"link/{name}/rings.rx"]["state"] == "adjusted"
    node.start()
    assert node.settings("status")[f"link/{name}/rings.rx"]["state"] == "adjusted"
    assert node.carrier_changes(name) == before + 2, "a rounded value was written again"


def test_what_a_driver_refuses_is_told_in_the_kernels_words(up):
    node = up
    name = link(node, "igb", mtu=9217)
    mtu = node.settings("apply", codes=(2,))[f"link/{name}/mtu"]
    assert mtu["state"] == "failed"
    assert mtu["detail"] == (
        f"set mtu of link {name}: wanted 9217, kernel holds 1500, mtu greater than device maximum (EINVAL)")


def test_a_link_that_is_down_takes_rings_without_a_flap(node):
    name = node.nic("igb")
    node.check(f"ip link set {name} down")
    node.configure(f"link: [{{match: {{name: {name}}}, rings: {{rx: 2048}}}}]")
    before = node.carrier_changes(name)
    assert node.settings("apply")[f"link/{name}/rings.rx"]["state"] == "inSync"
    assert node.carrier_changes(name) == before


def test_a_flap_that_is_not_allowed_waits(up):
    node = up
    name = node.nic("igb")
    node.configure(f"link: [{{match: {{name: {name}}}, rings: {{rx: 2048}}}}]")
    before = node.carrier_changes(name)
    rings = node.settings("apply", codes=(2,))[f"link/{name}/rings.rx"]
    assert (rings["state"], rings["pendingOn"]) == ("pending", "permission")
    assert node.carrier_changes(name) == before
    assert node.settings("apply", "--allow link-flap")[f"link/{name}/rings.rx"]["state"] == "inSync"


def test_a_card_that_is_plugged_in_is_tuned_and_one_that_goes_is_gone(node):
    node.configure("allow: [link-flap]\nlink: [{match: {mac: '52:54:00:aa:07:*'}, mtu: 9000, rings: {rx: 1024}}]")
    node.start()
    assert node.settings("status")["link/mac=52:54:00:aa:07:*/mtu"]["pendingOn"] == "device"
    node.plug_nic("e1000e", "late", bus="rp2", mac="52:54:00:aa:07:00")
    node.until("grep -l 52:54:00:aa:07:00 /sys/class/net/*/address")
    name = node.nic("52:54:00:aa:07:00")
    assert name.startswith("enp")
    node.until(f"test $(cat /sys/class/net/{name}/mtu) = 9000")
    node.until(f"ethtool -g {name} | grep -q '^RX:.*1024$'")
    assert set(node.becomes(f"link/{name}/rings.rx")) == {f"link/{name}/mtu", f"link/{name}/rings.rx"}
    ledger = node.check("cat /var/lib/ais-hostd/ledger.json")
    assert "mac:52:54:00:aa:07:00" in ledger, "its original is kept under what stays of it"
    node.unplug("late")
    node.until("ais-hostd status --output json | grep -q '\"pendingOn\" : \"device\"'")
    assert node.run("ais-hostd status").code == 0
    # The same card again is the same: what was found first is still known.
    node.plug_nic("e1000e", "late", bus="rp3", mac="52:54:00:aa:07:00")
    node.until("grep -l 52:54:00:aa:07:00 /sys/class/net/*/address")
    name = node.nic("52:54:00:aa:07:00")
    node.until(f"test $(cat /sys/class/net/{name}/mtu) = 9000")
    assert node.becomes(f"link/{name}/mtu")[f"link/{name}/mtu"]["original"] == "1500"


BOND = """
modprobe bonding
ip link add bond0 type bond mode active-backup miimon 100 updelay {updelay}
for port in {ports}; do ip link set $port down; ip link set $port master bond0; done
ip link set bond0 up
"""


@pytest.fixture(params=[0, 3000], ids=["at-once", "after-3-s"])
def bond(node, request):
    """A bond of two cards, both with carrier, that takes a port back at once or after three seconds (updelay).

    Answers the node and its ports.
    """
    ports = [node.nic("port0"), node.nic("port1")]
    node.check(BOND.format(ports=" ".join(ports), updelay=request.param))
    node.until(f"test $(grep -c 'MII Status: up' /proc/net/bonding/bond0) = 3")
    return node, ports


def test_a_bond_has_its_mtu_and_its_ports_their_rings_one_at_a_time(bond):
    node, ports = bond

    def configure(rings):
        node.configure(
            "allow: [link-flap]\nlink:\n  - {match: {name: bond0}, mtu: 9000}\n"
            + "".join(f"  - {{match: {{name: {port}}}, rings: {{rx: {rings}}}}}\n" for port in ports))

    configure(2048)
    held = node.settings("apply")
    assert {setting["state"] for setting in held.values()} == {"inSync"}, held
    assert node.check("cat /sys/class/net/bond0/mtu") == "9000"
    assert node.check(f"cat /sys/class/net/{ports[0]}/mtu /sys/class/net/{ports[1]}/mtu").split() == ["9000"] * 2
    rings_only = "link/" + ports[0] + "/rings.rx"
    assert held[rings_only]["observed"] == "2048"
    # The MTU takes all ports along, in the kernel's own order; the rings after it must not. The bond's own words are
    # the witness: had both been down at once, it would have hurried or given up.
    node.until(f"test $(grep -c 'MII Status: up' /proc/net/bonding/bond0) = 3")
    node.check("dmesg --clear")
    configure(1024)
    held = node.settings("apply")
    assert held[rings_only]["observed"] == "1024"
    node.until("dmesg | grep 'definitely down' && test $(grep -c 'MII Status: up' /proc/net/bonding/bond0) = 3")
    said = node.check("dmesg")
    assert "earlier" not in said and "without any active" not in said, "a port was taken before its bond had the other"


def test_a_port_is_left_alone_while_no_other_carries(bond):
    node, ports = bond
    node.check(f"ip link set {ports[1]} down")
    node.configure(
        f"allow: [link-flap]\nlink: [{{match: {{name: {ports[0]}}}, rings: {{rx: 2048}}}}]")
    before = node.carrier_changes("bond0")
    rings = node.settings("apply", codes=(2,))[f"link/{ports[0]}/rings.rx"]
    assert rings["state"] == "failed"
    assert f"no other member of bond0 carries: {ports[1]}" in rings["detail"]
    assert node.carrier_changes("bond0") == before


def test_a_parent_grows_before_its_vlan_and_shrinks_after_it(node):
    parent = node.nic("igb")
    node.check(f"modprobe 8021q; ip link add link {parent} name storage type vlan id 7; ip link set {parent} up")
    for mtu in (9000, 1400):
        # In the order of the file, and against it.
        for names in ((parent, "storage"), ("storage", parent)):
            node.check(f"ip link set {parent} mtu 1500; ip link set storage mtu 1500")
            node.configure(
                "allow: [link-flap]\nlink:\n"
                + "".join(f"  - {{match: {{name: {name}}}, mtu: {mtu}}}\n" for name in names))
            held = node.settings("apply")
            assert {setting["state"] for setting in held.values()} == {"inSync"}, held
            assert node.check(f"cat /sys/class/net/{parent}/mtu /sys/class/net/storage/mtu").split() == [str(mtu)] * 2


def test_at_boot_a_link_that_carries_nothing_may_be_dropped_and_later_not(up):
    node = up
    name = node.nic("igb")
    node.configure(f"link: [{{match: {{name: {name}}}, rings: {{rx: 2048}}}}]")
    node.check("systemctl enable ais-hostd.service")
    node.start()
    # Installed on a node at work: nothing flaps.
    assert node.settings("status")[f"link/{name}/rings.rx"]["pendingOn"] == "permission"
    node.reboot()
    node.until("systemctl is-active ais-hostd.service")
    name = node.nic("igb")
    assert node.settings("status")[f"link/{name}/rings.rx"]["state"] == "inSync"
    # A restart is no boot.
    node.check(f"ip link set {name} up; ethtool -G {name} rx 512; systemctl restart ais-hostd.service")
    assert node.settings("status")[f"link/{name}/rings.rx"]["pendingOn"] == "permission"
