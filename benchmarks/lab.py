"""What it costs to hold a node's settings: ais-hostd beside a shell, TuneD and Ansible, on machines of Tests/Lab.

    make bench-lab                                 or, after `make release`, as root:
    /usr/bin/python3 benchmarks/lab.py [NAME...]   some of them: ais-hostd, tuned, ansible, rest

Each run has a machine of its own, from one snapshot, and the competitors take turns. In every machine the shell runs
in turn with the competitor: what is compared is the median of the machines' ratios, which whatever else this host does
changes least. All get the same values, worked out by `ais-hostd check`, which afterwards tells how many of them the
kernel holds. Before it is measured each has run once there and a shell has put all back, so that neither the disk is
compared nor the emulator's translation of code that it sees for the first time.

ROUNDS is how many machines each gets, REPEATS how often what has nothing to do is measured in each, REST how many
seconds the daemons are watched at rest.
"""

import collections
import dataclasses
import json
import os
import pathlib
import shlex
import statistics
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Tests/Lab"))

from lab import node as nodes  # noqa: E402
from lab import recipe  # noqa: E402

ROUNDS, REPEATS, REST = (int(os.environ.get(name) or least) for name, least in
                         (("ROUNDS", 3), ("REPEATS", 10), ("REST", 60)))
KERNEL = "6.1"
PACKAGES = [*recipe.PACKAGES, "tuned", "ansible"]
recipe.RELEASES["peers"] = [KERNEL]


# Parts of the lab's recipe that only this takes.

@recipe.part(uses=(recipe.DEBOOTSTRAP, PACKAGES))
def peers(folder):
    """Debian 12 with the competitors, none of them running."""
    recipe.tree(folder, "bookworm", PACKAGES)
    recipe.run("chroot", folder, "systemctl", "--quiet", "disable", "tuned.service")


@recipe.part("peers", "kernels", files=["root/**/*", "init"], uses=(recipe.COMMON, recipe.MODULES))
def image_peers(folder):
    recipe.image(folder, "peers")


# What is asked. 4032 and not 4096: vmxnet3 holds no more at this MTU, and who asks for more resets the link each time.
CONFIGURATION = """
profiles: [ais-required/v1, ais-network/v1, ais-vm/v1]
allow: [io-stall, link-flap]
block:
  - match: {name: ["sd*", "vd*"]}
    scheduler: mq-deadline
    nr_requests: 1024
    read_ahead_kb: 4096
    rq_affinity: 2
link:
  - match: {driver: [igb, e1000e, vmxnet3]}
    mtu: 9000
    rings: {rx: 4032, tx: 4096}
cpu: {governor: performance}
"""


class Settings:
    """Values by domain, object and attribute, as the kernel takes them."""

    def __init__(self, report, column):
        self.values = {setting["id"]: setting[column] for setting in report["settings"]}
        self.sysctls = {words[1]: value for words, value in self._of("sysctl")}
        self.queues = {(words[1], words[2]): value for words, value in self._of("block")}
        self.governors = {words[1]: value for words, value in self._of("cpu")}
        self.links = collections.defaultdict(dict)
        for words, value in self._of("link"):
            self.links[words[1]][words[2]] = value

    def _of(self, domain):
        return [(id.split("/"), value) for id, value in self.values.items() if id.startswith(f"{domain}/")]

    def sysctl_conf(self):
        return "".join(f"{name} = {value}\n" for name, value in self.sysctls.items())

    def echoed(self):
        """What sysctl.conf can't hold too: an empty list."""
        return "".join(f"echo '{value}' >/proc/sys/{name.replace('.', '/')}\n" for name, value in self.sysctls.items())

    def rest(self):
        """All but the sysctls, as lines of a shell."""
        lines = [f"echo {value} >/sys/block/{disk}/queue/{attribute}"
                 for (disk, attribute), value in sorted(self.queues.items(), key=lambda one: one[0][1] != "scheduler")]
        for link, held in self.links.items():
            lines.append(f"ip link set dev {link} mtu {held['mtu']}")
            lines.append(f"ethtool -G {link} rx {held['rings.rx']} tx {held['rings.tx']}")
        lines += [f"echo {value} >/sys/devices/system/cpu/cpufreq/{policy}/scaling_governor"
                  for policy, value in self.governors.items()]
        return "".join(f"{line}\n" for line in lines)


# The competitors: what they are given, and their commands.

SHELL = "sh /root/tune.sh"


def shell(machine, settings):
    machine.put("/root/sysctl.conf", settings.sysctl_conf())
    machine.put("/root/tune.sh", f"sysctl -q -p /root/sysctl.conf\n{settings.rest()}")


def tuned(machine, settings):
    """A profile; what has a plugin of its own goes there."""
    queues = {key: value for key, value in settings.queues.items() if key[1] not in ("scheduler", "read_ahead_kb")}
    disks, link = sorted({disk for disk, _ in settings.queues}), next(iter(settings.links.values()))
    one = {attribute: value for (_, attribute), value in settings.queues.items()}
    machine.put("/etc/tuned/node/tuned.conf", "\n".join([
        "[main]", "summary=the same", "[sysctl]", *(f"{name}={value}" for name, value in settings.sysctls.items()),
        "[disk]", f"devices={','.join(disks)}", f"elevator={one['scheduler']}", f"readahead={one['read_ahead_kb']}",
        "[sysfs]", *(f"/sys/block/{disk}/queue/{attribute}={value}" for (disk, attribute), value in queues.items()),
        "[net]", f"devices={','.join(settings.links)}", f"mtu={link['mtu']}",
        f"ring=rx {link['rings.rx']} tx {link['rings.tx']}",
        "[cpu]", f"governor={next(iter(settings.governors.values()))}", ""]))
    machine.check("systemctl start tuned.service; tuned-adm off")


PLAY = "ansible-playbook -i localhost, /root/play.yaml"


def ansible(machine, settings):
    """As the playbooks of ais-k8s: the module sysctl for each key, and a script for the rest, whose service is
    restarted where the script has changed. (There the MTU is netplan's and the governor cpupower's: two more tasks.)"""
    machine.put("/root/node.sh", f"#!/bin/sh\n{settings.rest()}")
    machine.put("/root/node.service",
                "[Service]\nType=oneshot\nExecStart=/usr/local/bin/node.sh\n[Install]\nWantedBy=multi-user.target\n")
    machine.put("/root/play.yaml", json.dumps([{
        "hosts": "localhost", "connection": "local", "gather_facts": False,
        "vars": {"sysctls": [{"name": name, "value": value} for name, value in settings.sysctls.items()]},
        "tasks": [
            {"sysctl": {"sysctl_file": "/etc/sysctl.d/99-ais.conf", "reload": True, "state": "present",
                        "name": "{{ item.name }}", "value": "{{ item.value }}"}, "loop": "{{ sysctls }}"},
            {"copy": {"src": "/root/node.sh", "dest": "/usr/local/bin/node.sh", "mode": "0755"}, "register": "script"},
            {"copy": {"src": "/root/node.service", "dest": "/etc/systemd/system/node.service"}, "register": "unit"},
            {"systemd": {"name": "node", "daemon_reload": True, "enabled": True, "state": "restarted"},
             "when": "script.changed or unit.changed"},
        ]}]))


@dataclasses.dataclass
class Competitor:
    prepare: object
    warm: list          # run before anything is measured
    first: str          # writes everything
    again: list         # find nothing to do
    forget: str         # it has never run
    service: str = "-"  # works for it
    repeats: int = REPEATS


COMPETITORS = {
    "ais-hostd": Competitor(
        lambda *_: None, ["ais-hostd apply", "ais-hostd apply", "ais-hostd check"], "ais-hostd apply",
        ["ais-hostd apply", "ais-hostd check"],
        "ais-hostd revert --allow link-flap; rm -rf /var/lib/ais-hostd/* /etc/sysctl.d/99-zz-ais-hostd.conf"),
    "tuned": Competitor(
        tuned, ["tuned-adm profile node", "tuned-adm verify"], "tuned-adm profile node", ["tuned-adm verify"],
        "tuned-adm off", "tuned.service"),
    "ansible": Competitor(
        # All that it does once, not all keys: a run takes minutes.
        ansible, [f"""{PLAY} -e '{{"sysctls": [{{"name": "vm.swappiness", "value": "10"}}]}}'"""], PLAY, [PLAY],
        "systemctl disable node.service; rm /etc/sysctl.d/99-ais.conf /etc/systemd/system/node.service"
        " /usr/local/bin/node.sh", repeats=1),
}


def ready(image):
    """A machine with two more disks, all links up, and ais-hostd, which asks for the settings above."""
    machine = nodes.Node(KERNEL, "peers")
    machine.install(image)
    for disk in ("hdd1", "hdd2"):
        machine.plug_disk("scsi-hd", disk, bus="scsi.0")
        machine.disk(disk)
    machine.check("modprobe nf_conntrack; for link in /sys/class/net/en*; do ip link set ${link##*/} up; done")
    machine.put("/root/measure.py", (HERE / "measure.py").read_text())
    machine.configure(CONFIGURATION)
    calm(machine)
    return machine


def calm(machine):
    """Nothing of what came before is still at work."""
    machine.until("udevadm settle; ! grep -L 1 /sys/class/net/en*/carrier | grep .")
    machine.check("sync; sleep 3")


def measure(machine, times, service, *commands):
    """What each of the commands, which take turns, costs: medians."""
    calm(machine)
    said = machine.check(f"python3 /root/measure.py {times} {service} {shlex.join(commands)}", timeout=3600)
    figures = {}
    for command, runs in json.loads(said).items():
        if any(run["code"] for run in runs):
            print(f"  {command}: exit code {runs[-1]['code']}", flush=True)
        figures[command] = {key: statistics.median(run[key] for run in runs) for key in COLUMNS}
    return figures


def one_round(image, competitor):
    """Rows of what a machine of its own tells: a name, its cost, and the shell's."""
    with ready(image) as machine:
        found = machine.report()
        asked, held = Settings(found, "desired"), Settings(found, "observed")
        machine.put("/root/original.sh", held.echoed() + held.rest())
        shell(machine, asked)
        competitor.prepare(machine, asked)
        for command in (SHELL, *competitor.warm):
            machine.run(command, timeout=3600)

        def first(command, service):
            machine.run(competitor.forget, timeout=300)
            machine.check("sh -e /root/original.sh")
            calm(machine)
            before = machine.report()["summary"]["inSync"]
            figures = measure(machine, 1, service, command)[command]
            after = machine.report()["summary"]["inSync"]
            print(f"  {command}: {before} settings held before, {after} of {len(asked.values)} afterwards", flush=True)
            return figures

        shells = first(SHELL, "-")
        yield f"{SHELL}, first", shells, shells
        yield f"{competitor.first}, first", first(competitor.first, competitor.service), shells
        # The shell before and after, since what takes minutes runs once.
        costs = measure(machine, competitor.repeats, competitor.service, SHELL, *competitor.again, SHELL)
        for command, cost in costs.items():
            yield f"{command}, nothing to do", cost, costs[SHELL]
        if competitor.first == "ais-hostd apply":
            yield "a pass of the daemon", *passes(machine)


# What its own clock says of its passes, and its CPU.
PASSES = """
show() {
    curl --silent --unix-socket /run/ais-hostd/api.sock http://localhost/metrics |
        awk '/^ais_hostd_pass_duration_seconds_(sum|count) / { printf "%s ", $2 }'
    awk '/^usage_usec/ { print $2 }' /sys/fs/cgroup/system.slice/ais-hostd.service/cpu.stat
}
show; sleep 5; show
"""


def passes(machine):
    """What a pass costs that finds nothing to do, of a daemon that makes one a second; and the shell in turn."""
    machine.configure(f"interval: 1s\n{CONFIGURATION}")
    machine.check("systemctl start ais-hostd.service")
    costs = []
    for _ in range(REPEATS // 2 + 1):
        shells = measure(machine, 2, "-", SHELL)[SHELL]
        calm(machine)
        before, after = (map(float, line.split()) for line in machine.check(PASSES).splitlines())
        seconds, count, used = (later - earlier for earlier, later in zip(before, after))
        took = seconds * 1000 / count
        costs.append(({"ms": took, "back": took, "cpu": used / 1000 / count, "processes": 0}, shells))
    machine.check("systemctl stop ais-hostd.service")
    return [{key: statistics.median(cost[key] for cost in column) for key in COLUMNS} for column in zip(*costs)]


DAEMONS = {
    "ais-hostd run": (COMPETITORS["ais-hostd"], "systemctl start ais-hostd.service", "ais-hostd.service"),
    "ais-hostd serve": (
        COMPETITORS["ais-hostd"], "systemctl start ais-hostd.service ais-hostd-http.service"
        " && curl --silent --fail --retry 30 --retry-connrefused http://127.0.0.1:9847/v1/status >/dev/null",
        "ais-hostd-http.service"),
    "tuned": (COMPETITORS["tuned"], "tuned-adm profile node", "tuned.service"),
}
# Of all threads: how often each slept and was woken, and was put aside.
WATCH = """
cd /sys/fs/cgroup/system.slice/%s
count() {
    for process in $(cat cgroup.procs); do cat /proc/$process/task/*/status; done |
        awk '/^voluntary/ { slept += $2 } /^nonvoluntary/ { aside += $2 } END { printf "%%d %%d ", slept, aside }'
    awk '/^usage_usec/ { printf "%%d ", $2 }' cpu.stat
}
count; sleep %d; count
for process in $(cat cgroup.procs); do cat /proc/$process/smaps_rollup; done |
    awk '/^Rss/ { rss += $2 } /^Pss:/ { pss += $2 } /^Private/ { own += $2 } END { print rss, pss, own }'
"""


def at_rest(image, competitor, start, service):
    """A daemon that holds the settings, twenty seconds after it was started."""
    with ready(image) as machine:
        competitor.prepare(machine, Settings(machine.report("check"), "desired"))
        machine.check(start, timeout=300)
        calm(machine)
        machine.check("sleep 20")
        words = [int(word) for word in machine.check(WATCH % (service, REST), timeout=REST + 120).split()]
        slept, aside, cpu = (after - before for before, after in zip(words[:3], words[3:6]))
        return {"sleeps": slept, "aside": aside, "cpu": cpu / 1000, **dict(zip(("rss", "pss", "own"), words[6:]))}


COLUMNS = {"ms": "ms", "back": "links back, ms", "cpu": "CPU, ms", "processes": "processes"}


def table(rows):
    """Of each row the medians, and of how many times the shell's they are."""
    print("\n| " + " | ".join(["", *COLUMNS.values(), "of the shell's time", "links back", "CPU"]) + " |")
    print("|---" * 8 + "|")
    for name, runs in rows.items():
        medians = [statistics.median(own[key] for own, _ in runs) for key in COLUMNS]
        ratios = [statistics.median(own[key] / shells[key] for own, shells in runs) for key in ("ms", "back", "cpu")]
        print(f"| {name} | " + " | ".join([f"{one:,.0f}" for one in medians] + [f"{one:.3g}" for one in ratios]) + " |")


def main(names):
    unknown = set(names) - {*COMPETITORS, "rest"}
    if unknown:
        sys.exit(f"lab.py: no {' '.join(unknown)}, there are {' '.join(COMPETITORS)} and rest")
    rows = collections.defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        image = nodes.installed(folder)
        for number in range(ROUNDS):
            for name, competitor in COMPETITORS.items():
                if names and name not in names:
                    continue
                print(f"{time.strftime('%T')} {name}, round {number + 1}, load {os.getloadavg()[0]:.1f}", flush=True)
                for row, *figures in one_round(image, competitor):
                    rows[row].append(figures)
                    print(f"  {row}: {figures}", flush=True)
        if rows:
            table(rows)
        if not names or "rest" in names:
            for name, daemon in DAEMONS.items():
                print(f"{name}: {at_rest(image, *daemon)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
