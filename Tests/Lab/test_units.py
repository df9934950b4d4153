"""The shipped units on Debian 12 and 13, with drivers of real devices: a life, who may ask, and what they leave open."""

import json

import pytest

RELEASES = [("bookworm", "6.1"), ("trixie", "6.12")]
CONFIGURATION = """mode: enforce
interval: 1s
allow: [link-flap, io-stall]
profiles: [ais-required/v1]
block: [{match: {name: %s}, scheduler: mq-deadline, read_ahead_kb: 4096}]
link: [{match: {name: %s}, mtu: 9000, rings: {rx: 2048}}]
"""
HTTP = "curl --silent --output /dev/null --write-out '%{http_code}' http://127.0.0.1:9847"
# What `systemd-analyze security` of 252 and of 257 finds open, and how exposed that is; the unit says why.
OPEN = {
    "ais-hostd.service": ("2.4 OK", """
        CapabilityBoundingSet=~CAP_(CHOWN|FSETID|SETFCAP) CapabilityBoundingSet=~CAP_NET_ADMIN DeviceAllow= PrivateDevices=
        PrivateNetwork= PrivateUsers= ProcSubset= ProtectHostname= ProtectKernelModules= ProtectKernelTunables= ProtectProc=
        RestrictAddressFamilies=~AF_NETLINK RestrictAddressFamilies=~AF_UNIX RootDirectory=/RootImage=
        SystemCallFilter=~@privileged UMask= User=/DynamicUser="""),
    "ais-hostd-http.service": ("0.2 SAFE", """
        DeviceAllow= RestrictAddressFamilies=~AF_UNIX RootDirectory=/RootImage= SupplementaryGroups="""),
}


@pytest.fixture
def running(node):
    """A node whose daemon keeps sysctls, a disk and a link; those two are `node.kept`."""
    node.kept = node.disk("shdd"), node.nic("igb")
    node.check(f"ip link set {node.kept[1]} up")
    node.configure(CONFIGURATION % node.kept)
    node.check("systemctl enable --now ais-hostd.service ais-hostd-http.socket")
    return node


@pytest.mark.parametrize("release, kernel", RELEASES)
def test_a_life(running, release, kernel):
    node, (disk, nic) = running, running.kept
    assert node.hostd("status").startswith("lab: all 9 settings in sync")
    assert "9 in sync" in node.check("systemctl show --property StatusText ais-hostd")
    # The port is open, and nobody behind it before the first request.
    assert node.run("systemctl is-active ais-hostd-http.{socket,service}").output.split() == ["active", "inactive"]
    assert node.check(f"{HTTP}/v1/status") == "200"
    # What another hand changes is put right.
    files = {"/proc/sys/net/core/somaxconn": ("77", "65535"), f"/sys/block/{disk}/queue/read_ahead_kb": ("128", "4096"),
             f"/sys/class/net/{nic}/mtu": ("1500", "9000")}
    for file, (other, _) in files.items():
        node.check(f"echo {other} >{file}")
    node.check(f"echo none >/sys/block/{disk}/queue/scheduler; ethtool -G {nic} rx 512")
    for file, (_, wanted) in files.items():
        node.until(f"test $(cat {file}) = {wanted}")
    node.until(f"grep -F '[mq-deadline]' /sys/block/{disk}/queue/scheduler && ethtool -g {nic} | grep '^RX:.*2048$'")
    fields = "AIS_SETTING=sysctl/net.core.somaxconn AIS_STATE=drifted AIS_GOT=77 AIS_WANTED=65535"
    node.until(f"journalctl --quiet {fields} | grep .")
    # A broken file changes nothing, across a restart too.
    node.check("echo 'sysctll: {}' >>/etc/ais-hostd/config.yaml; systemctl reload ais-hostd")
    node.until("ais-hostd status; test $? = 1")
    node.check("systemctl restart ais-hostd")
    assert "stays in force" in node.hostd("status", codes=(1,))
    node.check("sed -i '$d' /etc/ais-hostd/config.yaml; systemctl reload ais-hostd")
    node.until("ais-hostd status")
    # Killed, it is away, which is an answer too; and then back.
    node.check(
        "systemctl kill --signal KILL ais-hostd;"
        f" for _ in $(seq 100); do code=$({HTTP}/v1/status); [ $code != 503 ] || break; done; test $code = 503")
    node.until(f"test $({HTTP}/v1/status) = 200")
    assert node.check("systemctl show --property NRestarts --value ais-hostd") == "1"
    assert node.hostd("status").startswith("lab: all 9 settings in sync")
    # And all the way back.
    assert "9 put back" in node.hostd("revert --allow link-flap")
    node.check("systemctl stop ais-hostd")
    for file, other in zip(files, ("4096", "128", "1500")):
        assert node.check(f"cat {file}") == other
    assert "EPERM" not in node.journal("--unit ais-hostd --unit ais-hostd-http"), "it was denied what it needs"


@pytest.mark.parametrize("release, kernel", RELEASES)
def test_who_may_ask(running, release, kernel):
    node = running
    assert node.check("stat --format '%U %G %a' /run/ais-hostd/api.sock") == "root ais-hostd 660"
    nobody = "setpriv --reuid 65534 --clear-groups --regid"
    assert "EACCES" in node.check(f"code=0; {nobody} 65534 ais-hostd status || code=$?; test $code = 4")
    node.check(f"{nobody} ais-hostd ais-hostd status")
    assert node.run(f"{nobody} ais-hostd ais-hostd revert").code == 1
    # Who answers on the port is nobody, sees no network, and is on loopback only.
    assert node.check(f"{HTTP}/healthz") == "200"
    assert node.check("systemctl show --property DynamicUser --value ais-hostd-http") == "yes"
    status = "/proc/$(systemctl show --property MainPID --value ais-hostd-http)"
    assert node.check(f"awk '/^(Uid|CapEff)/ {{ print $2 }}' {status}/status").split()[1] == "0" * 16
    assert node.check(f"stat --format %u {status}") != "0"
    assert node.check(f"wc -l <{status}/net/dev") == "3", "loopback alone"
    assert node.check("ss --listening --tcp --numeric --no-header | awk '{ print $4 }'") == "127.0.0.1:9847"


@pytest.mark.parametrize("release, kernel", RELEASES)
def test_the_units_leave_open_what_they_say_and_no_more(node, release, kernel):
    for unit, (level, names) in OPEN.items():
        found = json.loads(node.check(f"systemd-analyze security --json=short {unit}"))
        assert sorted(one["name"] for one in found if one["set"] is False) == names.split()
        assert f": {level} " in node.check(f"systemd-analyze security --no-pager {unit} | tail -n 1")
