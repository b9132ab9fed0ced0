"""Blue's Helm releases as they stand on green: one verdict, and a line each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from migrate.cli import tables
from migrate.model.verdict import Verdict, failed, passed
from migrate.replay.releases import Fate, Standing

CHECK = "helm releases"

SHOWN = 5
"""Releases, and parts of one, that a verdict spells out."""

_WORDS = {Fate.FOLLOWS: "at the cutover", Fate.LEFT: "left by a rule", Fate.LOST: "not on blue either"}


def verdicts(found: Sequence[Standing]) -> Sequence[Verdict]:
    """Judge all releases; nothing where blue has none that moves."""
    if not found:
        return ()
    bad = [standing for standing in found if not standing.whole]
    if bad:
        said = "; ".join(f"{s.release}: {_wrong(s)}" for s in bad[:SHOWN])
        more = f"; and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
        remedy = "Look at the objects above that differ or are missing: the release is whole when they are."
        return (
            failed(CHECK, f"{len(bad)} of {len(found)} are not on green as on blue: {said}{more}", remedy),
        )
    unread = sum(bool(s.release.unread) for s in found)
    beside = f"; of {unread} the manifest could not be read" if unread else ""
    return (passed(CHECK, f"{len(found)} of {len(found)} listed with their revision{beside}"),)


def lines(found: Sequence[Standing]) -> Iterator[str]:
    """A line for each release: its revision and status, and how much of it stands."""
    if found:
        yield CHECK
    rows = [(str(s.release), f"revision {s.release.revision} {s.release.status}", _said(s)) for s in found]
    yield from tables.columns(rows, indent=2)


def _said(standing: Standing) -> str:
    if not standing.whole:
        return _wrong(standing)
    release = standing.release
    if release.unread:
        return f"on green; {release.unread}"
    there = len(release.parts) - len(standing.absent)
    said = [f"{there} of {tables.counted(len(release.parts), 'object')} on green"]
    counts = {fate: len(standing.of(fate)) for fate in _WORDS}
    return ", ".join([*said, *(f"{n} {_WORDS[fate]}" for fate, n in counts.items() if n)])


def _wrong(standing: Standing) -> str:
    if standing.revision is None:
        return "its record is not on green"
    if (standing.revision, standing.status) != (standing.release.revision, standing.release.status):
        return f"revision {standing.revision} {standing.status} on green"
    missing = standing.of(Fate.MISSING)
    more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
    return f"missing {', '.join(map(str, missing[:SHOWN]))}{more}"
