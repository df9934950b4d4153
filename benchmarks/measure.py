"""measure.py TIMES SERVICE COMMAND...: in the guest, what commands cost that take turns, as JSON.

Time from exec(2) until it has ended, and until all links carry again, by the monotonic clock; CPU of all that it
started (its cgroup's) and of SERVICE, which may work for it ("-": none); and how many processes the machine started
meanwhile, the command among them. Threads are no processes, nor are the kernel's own.
"""

import json
import os
import pathlib
import shlex
import sys
import time

CGROUPS = pathlib.Path("/sys/fs/cgroup")
# A trace buffer of our own.
TRACE = pathlib.Path("/sys/kernel/tracing/instances/measure")
CLONE_THREAD = 0x10000


def cpu(*cgroups):
    """Milliseconds, to the microsecond: the scheduler's own account."""
    stats = [(CGROUPS / cgroup / "cpu.stat").read_text().split() for cgroup in cgroups]
    return sum(int(words[words.index("usage_usec") + 1]) for words in stats) / 1000


def down():
    return any(link.read_text() != "1\n" for link in pathlib.Path("/sys/class/net").glob("en*/carrier"))


def measure(command, cgroups):
    gate, release = os.pipe()
    child = os.fork()
    if child == 0:
        (CGROUPS / cgroups[0] / "cgroup.procs").write_text(str(os.getpid()))
        log = os.open("/tmp/measured", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for output in (1, 2):
            os.dup2(log, output)
        os.close(release)
        os.read(gate, 1)
        os.execvp(command[0], command)
    os.close(gate)
    # It has come to its gate.
    time.sleep(0.2)
    (TRACE / "trace").write_text("")
    (TRACE / "tracing_on").write_text("1")
    before = cpu(*cgroups)
    start = time.monotonic()
    os.close(release)
    status = os.waitpid(child, 0)[1]
    took = time.monotonic() - start
    after = cpu(*cgroups)
    (TRACE / "tracing_on").write_text("0")
    while down():
        time.sleep(0.01)
    back = time.monotonic() - start
    started = [line for line in (TRACE / "trace").read_text().splitlines() if "task_newtask:" in line]
    return {"ms": took * 1000, "back": back * 1000, "cpu": after - before, "processes": 1 + len(started),
            "code": os.waitstatus_to_exitcode(status)}


times, service, *commands = sys.argv[1:]
cgroups = ["measure"] + ([f"system.slice/{service}"] if service != "-" else [])
(CGROUPS / "measure").mkdir(exist_ok=True)
TRACE.mkdir(exist_ok=True)
(TRACE / "tracing_on").write_text("0")
event = TRACE / "events/task/task_newtask"
(event / "filter").write_text(f'!(clone_flags & {CLONE_THREAD:#x}) && comm != "kthreadd"')
(event / "enable").write_text("1")
runs = {command: [] for command in commands}
for _ in range(int(times)):
    for command in commands:
        runs[command].append(measure(shlex.split(command), cgroups))
print(json.dumps(runs))
