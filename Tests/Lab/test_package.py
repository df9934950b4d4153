"""The package, on Debian 12 and 13: installed on a node at work, upgraded, removed, purged."""

import os
import subprocess

import pytest

from conftest import CHECKOUT
from lab import machine as machines

RELEASES = [("bookworm", "6.1"), ("trixie", "6.12")]
OLD, NEW = "0.1.0~1", "0.1.0~2"
# What other programs keep of their own, and logs.
OTHERS = "/proc /sys /dev /run /tmp /mnt /debs /var/lib/dpkg /var/lib/apt /var/log /var/cache /root /var/lib/systemd"


@pytest.fixture(scope="session")
def debs(tmp_path_factory):
    """An image with two versions of the package."""
    folder = tmp_path_factory.mktemp("debs")
    (folder / "debs").mkdir()
    for version in (OLD, NEW):
        subprocess.run(
            ["scripts/make-deb.sh"], cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL,
            env={**os.environ, "VERSION": version, "COMPRESSION": "none", "OUT": str(folder / "debs")})
    return machines.disk_of(folder / "debs", folder / "disk")


@pytest.fixture
def host(machine, debs):
    """A machine without ais-hostd, the packages in /debs."""
    machine.insert(debs, into="/debs")
    return machine


def install(host, version):
    host.check(f"DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet /debs/ais-hostd_{version}_amd64.deb")


def install_with_dpkg(host, version):
    host.check(f"dpkg --install /debs/ais-hostd_{version}_amd64.deb")


def enable(host):
    host.check("systemctl enable --now ais-hostd.service ais-hostd-http.socket")


def files(host):
    prune = " -o ".join(f"-path {path}" for path in OTHERS.split())
    return set(host.check(f"find / -xdev \\( {prune} \\) -prune -o -print").splitlines())


def others(host):
    """Which processes other services have: nobody restarts them because of us."""
    return host.check(
        "systemctl list-units --type=service --state=running --plain --no-legend | awk '{ print $1 }'"
        # Started by a question over D-Bus, and gone a while later.
        " | grep -vE 'ais-hostd|hostnamed|timedated|localed' | while read -r unit; do echo $unit $(systemctl show --property MainPID --value $unit); done")


TUNED = "mode: apply\nprofiles: [ais-required/v1]\nsysctl: {net.core.optmem_max: 99999}\n"
EVERYTHING = "sysctl --all 2>/dev/null | grep -vE 'random|hostname|file-nr|dentry|inode|ns_last_pid|pty.nr|conntrack_count|sched_domain|loadavg|uuid|max_newidle|nr_open_|perf_event_max_sample|route.gc|cdrom'"


@pytest.mark.parametrize("release, kernel", RELEASES)
def test_installing_changes_nothing_and_the_daemon_then_observes(host, release, kernel):
    before, running = host.check(EVERYTHING), others(host)
    install(host, OLD)
    assert host.run("systemctl is-enabled ais-hostd.service ais-hostd-http.socket").output.split() == ["disabled"] * 2
    assert host.run("systemctl is-active ais-hostd.service").output.strip() == "inactive"
    enable(host)
    assert host.run("ais-hostd status").code in (0, 2)
    host.until("curl --silent --fail http://127.0.0.1:9847/v1/status")
    assert host.check(EVERYTHING) == before
    assert others(host) == running
    assert host.run("test -e /etc/sysctl.d/99-zz-ais-hostd.conf").code == 1
    assert host.check("systemctl show --property DynamicUser --value ais-hostd-http.service") == "yes"


@pytest.mark.parametrize("release, kernel", RELEASES)
def test_an_upgrade_of_a_running_daemon_moves_no_value_and_restarts_nobody_else(host, release, kernel):
    host.put("/etc/needrestart/conf.d/lab.conf", "$nrconf{restart} = 'a';\n")
    host.put("/etc/systemd/system/other.service", "[Service]\nExecStart=/usr/bin/other infinity\n")
    host.check("cp /usr/bin/sleep /usr/bin/other; systemctl start other")
    install(host, OLD)
    host.configure(TUNED)
    enable(host)
    assert host.run("ais-hostd status").code == 0
    running = others(host)
    assert "other.service" in running
    # Who looks all the time: at the values, and at whether the daemon answers.
    host.put("/root/watch", (
        "while :; do echo $(cat /proc/sys/net/core/somaxconn /proc/sys/net/core/optmem_max);"
        " date +'%s.%N '$(curl --silent --output /dev/null --write-out '%{http_code}' --max-time 1"
        " --unix-socket /run/ais-hostd/api.sock http://localhost/readyz) >&2; sleep 0.1; done\n"))
    for version, installer in (NEW, install), (OLD, install_with_dpkg):
        host.check("(timeout 600 bash /root/watch >/root/values 2>/root/answers </dev/null &)")
        host.until("grep ' 200$' /root/answers && test -s /root/values")
        before = host.check("systemctl show --property MainPID --value ais-hostd.service")
        installer(host, version)
        host.until("ais-hostd status --quiet")
        host.until("tail -n 3 /root/answers | grep ' 200$'")
        host.check("pkill -f /root/watch")
        assert host.check("systemctl show --property MainPID --value ais-hostd.service") != before, "it was restarted"
        assert host.check("sort -u /root/values") == "65535 99999"
        answers = [line.split() for line in host.check("cat /root/answers").splitlines()]
        good = [float(line[0]) for line in answers if line[1:] == ["200"]]
        gap = max(later - earlier for earlier, later in zip(good, good[1:]))
        print(f"{release}: {version}: the daemon was away for {gap:.2f} s")
        # Until all is in place the old one goes on.
        configured = host.check(f"awk '/ configure ais-hostd/ {{ print $1, $2 }}' /var/log/dpkg.log | tail -n 1")
        stopped = host.check("journalctl --unit ais-hostd --output short-unix --grep Stopping --lines 1").split()[0]
        assert float(stopped) >= int(host.check(f"date --date '{configured}' +%s"))
        assert host.check("dpkg-query --show --showformat '${Version}' ais-hostd") == version
        host.until("curl --silent --fail http://127.0.0.1:9847/v1/status")
        assert others(host) == running, "something else was restarted"
        # Now that its program was replaced, needrestart starts it anew as soon as apt is at work; dpkg alone wakes nobody.
        host.check("cp /usr/bin/sleep /usr/bin/other.new; mv /usr/bin/other.new /usr/bin/other")
    install(host, NEW)
    changed = [line.split()[0] for line in set(running.splitlines()) - set(others(host).splitlines())]
    assert changed == ["other.service"], "needrestart is at work, and does this alone"


@pytest.mark.parametrize("release, kernel", RELEASES)
def test_removing_keeps_values_and_purging_leaves_no_file(host, release, kernel):
    before = files(host)
    original = host.check("cat /proc/sys/net/core/somaxconn")
    install(host, OLD)
    host.configure(TUNED)
    enable(host)
    assert host.run("ais-hostd status").code == 0
    host.check("apt-get remove --yes --quiet ais-hostd")
    assert host.check("cat /proc/sys/net/core/somaxconn") == "65535"
    assert host.run("pgrep -x ais-hostd").code == 1
    assert TUNED in host.check("cat /etc/ais-hostd/config.yaml") + "\n"
    assert host.run("test -e /etc/sysctl.d/99-zz-ais-hostd.conf").code == 0
    # It comes back to what it left.
    install(host, NEW)
    host.check("systemctl start ais-hostd.service")
    assert host.run("ais-hostd status").code == 0
    assert host.settings("status")["sysctl/net.core.somaxconn"]["original"] == original
    host.check("apt-get purge --yes --quiet ais-hostd")
    assert files(host) == before
    assert host.check("cat /proc/sys/net/core/somaxconn") == "65535", "values go back by revert, and by nothing else"
    install(host, NEW)
    assert "mode: observe" in host.check("cat /etc/ais-hostd/config.yaml")


@pytest.mark.parametrize("release, kernel", RELEASES)
def test_after_a_reboot_all_is_in_sync_before_kubelet_starts(host, release, kernel):
    install(host, OLD)
    disk = host.disk("shdd")
    host.configure(TUNED + f"block: [{{match: {{name: {disk}}}, scheduler: mq-deadline}}]\ncpu: {{governor: performance}}\n"
                   "link: [{match: {driver: igb}, mtu: 9000, rings: {rx: 2048}}]\n")
    host.put("/etc/modules-load.d/cpufreq.conf", "acpi-cpufreq\n")
    host.put("/etc/systemd/system/kubelet.service", (
        "[Service]\nType=oneshot\nRemainAfterExit=yes\n"
        "ExecStart=sh -c 'ais-hostd check --output json >/root/seen; echo $? >/root/code'\n"
        "[Install]\nWantedBy=multi-user.target\n"))
    host.check("systemctl enable kubelet.service ais-hostd.service ais-hostd-http.socket; rm -f /root/seen /root/code; sync")
    host.reboot()
    host.until("test -e /root/code")
    assert host.check("cat /root/code") == "0", host.check("cat /root/seen")
    assert host.check(f"cat /sys/block/{host.disk('shdd')}/queue/scheduler") .count("[mq-deadline]") == 1
    host.until("curl --silent --fail http://127.0.0.1:9847/v1/status")
    assert host.run("ais-hostd status").code == 0
