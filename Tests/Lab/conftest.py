"""What every test of the lab may ask for: a machine, and one with ais-hostd on it."""

import os
import pathlib
import subprocess

import pytest

from lab import machine as machines
from lab.node import Node

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]


def pytest_configure(config):
    config.addinivalue_line("markers", "guest(kernel, release): which machine: '6.1' and 'bookworm' without it")


@pytest.fixture
def machine(request):
    """A machine of its own for each test, two seconds after it is asked for.

    Which one: the mark `guest`, or a parameter `kernel` or `release` of the test.
    """
    marked = request.node.get_closest_marker("guest")
    chosen = dict(marked.kwargs) if marked else {}
    parameters = getattr(request.node, "callspec", None)
    for name in ("kernel", "release"):
        if parameters and name in parameters.params:
            chosen[name] = parameters.params[name]
    with Node(**chosen) as made:
        request.node.machine = made
        yield made


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """An image of what `make install` puts down."""
    folder = tmp_path_factory.mktemp("install")
    subprocess.run(
        ["make", "--silent", "install", f"DESTDIR={folder / 'root'}"], cwd=CHECKOUT, check=True,
        env={**os.environ, "LC_ALL": "C"})
    return machines.disk_of(folder / "root", folder / "disk")


@pytest.fixture
def node(machine, installed):
    """A machine with ais-hostd installed as the package does, its daemon not started."""
    machine.insert(installed)
    machine.check("systemd-sysusers; systemctl daemon-reload")
    return machine


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that fails shows the console and the journal of its machine."""
    report = (yield).get_result()
    machine = getattr(item, "machine", None)
    if report.when != "call" or not report.failed or machine is None:
        return
    tail = lambda text: "\n".join(text.splitlines()[-60:])
    report.sections.append(("console", tail(machine.console())))
    try:
        report.sections.append(("journal", tail(machine.run("journalctl --no-pager --boot -n 60", timeout=15).output)))
    except Exception as error:
        report.sections.append(("journal", f"can't be had: {error}"))
