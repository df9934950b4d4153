"""python3 -m lab build | shell"""

import os
import sys

from . import machine, recipe

if __name__ == "__main__":
    match sys.argv[1:]:
        case ["build"]:
            recipe.build()
        case ["shell"]:
            machine.shell(os.environ.get("KERNEL") or "6.1", os.environ.get("GUEST") or "bookworm")
        case _:
            sys.exit("usage: python3 -m lab build | shell")
