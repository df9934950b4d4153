"""What every test of the lab may ask for: a machine, and one with ais-hostd on it."""

import pytest

from lab import node as nodes
from lab.node import CHECKOUT, Node


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
    return nodes.installed(tmp_path_factory.mktemp("install"))


@pytest.fixture
def node(machine, installed):
    """A machine with ais-hostd installed as the package does, its daemon not started."""
    machine.install(installed)
    return machine


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that fails, or what prepares it, shows the console and the journal of its machine."""
    report = (yield).get_result()
    machine = getattr(item, "machine", None)
    if report.when == "teardown" or not report.failed or machine is None:
        return
    for name, told in {"console": machine.console, "journal": lambda: machine.journal("-n 60", timeout=60)}.items():
        try:
            text = "\n".join(told().splitlines()[-60:])
        except Exception as error:
            text = f"can't be had: {error}"
        report.sections.append((name, text))
