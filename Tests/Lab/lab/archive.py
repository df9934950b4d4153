"""Where Debian's packages come from: the archive that this machine's apt is set up with, other releases of it too."""

import pathlib
import re


def _addresses(security):
    """The addresses in sources.list and in *.sources, as deb822 and as one-line entries have them."""
    files = [pathlib.Path("/etc/apt/sources.list"), *sorted(pathlib.Path("/etc/apt/sources.list.d").glob("*"))]
    for file in files:
        for line in file.read_text().splitlines() if file.is_file() else []:
            found = re.match(r"(?:URIs:|deb(?:\s+\[[^]]*\])?)\s+(https?://\S+)", line)
            if found and "debian" in found[1] and ("security" in found[1]) == security:
                yield found[1].rstrip("/")


def sources(*suites):
    """A line of sources.list for each suite: `bookworm`, `bookworm-security`, `bookworm-backports`."""
    base = next(_addresses(security=False), None)
    if base is None:
        raise SystemExit("lab: no Debian archive in /etc/apt, expected one as on Debian")
    security = next(_addresses(security=True), base.removesuffix("/debian") + "/debian-security")
    return [f"deb {security if suite.endswith('-security') else base} {suite} main" for suite in suites]
