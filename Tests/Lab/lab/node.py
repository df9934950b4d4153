"""A machine with ais-hostd on it, and what it says."""

import json
import os
import subprocess
import time

from . import recipe
from .machine import PATIENCE, GuestError, Machine, disk_of

CHECKOUT = recipe.HERE.parents[1]


def installed(folder):
    """An image of what `make install` puts down: the checkout's `.build/ais-hostd`, or $AIS_HOSTD."""
    subprocess.run(
        ["make", "--silent", "install", f"DESTDIR={folder}/root"], cwd=CHECKOUT, check=True,
        env={**os.environ, "LC_ALL": "C"})
    return disk_of(f"{folder}/root", f"{folder}/disk")


class Node(Machine):
    def install(self, image):
        """As the package does, the daemon not started."""
        self.insert(image)
        self.check("systemd-sysusers; systemctl daemon-reload")

    def configure(self, text, file="config.yaml"):
        self.put(f"/etc/ais-hostd/{file}", f"apiVersion: ais-hostd/v1\n{text}")

    def hostd(self, *words, codes=(0,)):
        """What a command prints, on both outputs; its exit code has to be one of these."""
        result = self.run(f"ais-hostd {' '.join(words)}")
        if result.code not in codes:
            raise GuestError(f"exit code {result.code}: ais-hostd {' '.join(words)}\n{result.output}")
        return result.output

    def report(self, command="check", *words, codes=(0, 2)):
        result = self.run(f"ais-hostd {command} {' '.join(words)} --output json 2>/tmp/errors")
        if result.code not in codes:
            raise GuestError(f"exit code {result.code}: {command}\n{self.run('cat /tmp/errors').output}{result.output}")
        return json.loads(result.output)

    def settings(self, command="check", *words, codes=(0, 2)):
        """The settings of a report, by id."""
        return {setting["id"]: setting for setting in self.report(command, *words, codes=codes)["settings"]}

    def becomes(self, id, state="inSync"):
        """All settings, as soon as the daemon says this of one."""
        deadline = time.monotonic() + PATIENCE
        while (settings := self.settings("status")).get(id, {}).get("state") != state:
            if time.monotonic() > deadline:
                raise GuestError(f"not within {PATIENCE} s: {id} {state}\n{settings}")
            time.sleep(0.2)
        return settings

    def start(self):
        """The daemon, under its shipped unit; answers when it is ready."""
        self.check("systemctl restart ais-hostd.service")

    def carrier_changes(self, link):
        return int(self.check(f"cat /sys/class/net/{link}/carrier_changes"))
