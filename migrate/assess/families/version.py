"""VERSION: Kubernetes of green against blue's, and against what Calico was tested with."""

from __future__ import annotations

import re
from collections.abc import Iterator

from migrate.assess.families import Code, Situation
from migrate.model.facts import Finding, Severity

TESTED = {
    (3, 29): ((1, 29), (1, 32)),
    (3, 30): ((1, 31), (1, 35)),
    (3, 31): ((1, 32), (1, 35)),
    (3, 32): ((1, 34), (1, 36)),
}
"""Kubernetes versions that each Calico version was tested with, first and last (Calico's system requirements)."""

OLDER = Code(
    "VERSION-001",
    Severity.BLOCKER,
    "green's Kubernetes is older than blue's",
    "The minor versions of the two API servers are compared. Objects of a newer server may have fields, versions and "
    "kinds that an older one drops silently or refuses.",
    "Fields of blue's objects would be lost on green without a word.",
    "Upgrade green to blue's minor version or later before moving.",
)
UNTESTED = Code(
    "VERSION-002",
    Severity.WARNING,
    "Calico was not tested with green's Kubernetes",
    "green.calico.version is looked up in the table of Calico's system requirements (3.29: 1.29 to 1.32, 3.30: 1.31 to "
    "1.35, 3.31: 1.32 to 1.35, 3.32: 1.34 to 1.36).",
    "Nobody vouches for the pair; it may well work.",
    "Choose a Calico version whose tested range holds green's Kubernetes, or accept the risk knowingly.",
)
UNREAD = Code(
    "VERSION-003",
    Severity.WARNING,
    "a cluster's version could not be read",
    "The version is the API server's gitVersion.",
    "Whether green is older than blue is not known.",
    "Ask both servers with kubectl version and compare.",
)
CODES = (OLDER, UNTESTED, UNREAD)


def find(situation: Situation) -> Iterator[Finding]:
    """Compare minor versions; patch levels do not matter."""
    green = situation.green
    if green is None:
        return
    blue_minor, green_minor = minor(situation.blue.version), minor(green.version)
    unread = [f.name for f, read in ((situation.blue, blue_minor), (green, green_minor)) if read is None]
    if unread:
        yield UNREAD.found(f"no version is known of {' and '.join(unread)}")
    if blue_minor and green_minor and green_minor < blue_minor:
        yield OLDER.found(
            f"blue ({situation.blue.name}) is {situation.blue.version}, green ({green.name}) is {green.version}"
        )
    planned = situation.migration.green.calico.version
    tested = tested_with(planned)
    if tested and green_minor and not tested[0] <= green_minor <= tested[1]:
        yield UNTESTED.found(
            f"Calico {planned} was tested with {_said(tested[0])} to {_said(tested[1])}, green is {green.version}"
        )


def tested_with(calico: str) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """The first and the last minor version of Kubernetes that a Calico version was tested with, where it is known."""
    return TESTED.get(minor(calico) or (0, 0))


def minor(version: str) -> tuple[int, int] | None:
    """Major and minor of "v1.35.4", "1.29.1-gke.100" or "v1.30.2+k3s1"; None for text that is no version."""
    found = re.match(r"v?(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else None


def _said(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
