"""python3 -m lab build | shell"""

import os
import sys
import tempfile

from . import node, recipe


def shell(kernel, release):
    """A node for a person: a login on the console of this terminal."""
    with tempfile.TemporaryDirectory() as folder, node.Node(kernel, release, interactive=True) as made:
        made.install(node.installed(folder))
        print("lab: Enter gives a prompt, poweroff ends it", flush=True)
        made.process.wait()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["build"]:
            recipe.build()
        case ["shell"]:
            shell(os.environ.get("KERNEL") or "6.1", os.environ.get("GUEST") or "bookworm")
        case _:
            sys.exit("usage: python3 -m lab build | shell")
