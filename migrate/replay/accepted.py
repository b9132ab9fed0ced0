"""Differences that may stay, by the operator's word: `verify.accept` names the object, the path and why.

A controller of green's may own a field that blue's objects say too. What is accepted is listed all the same, with its
reason; what lies beside it on the same object is judged as ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from migrate.model.migration import Accepted
from migrate.model.objects import Ref
from migrate.model.verdict import Verdict, passed
from migrate.replay.parity import Difference

IDLE = "accepted differences"
"""The check that names entries which no difference met."""


def split(found: Sequence[Difference], accept: Sequence[Accepted]) -> tuple[Difference, ...]:
    """Part each difference into what may stay, with its reasons, and what may not.

    Only paths are accepted: an object that is missing, foreign or unread has none.
    """
    return (
        tuple(part for difference in found for part in _parts(difference, accept)) if accept else tuple(found)
    )


def opened(found: Sequence[Difference]) -> tuple[Difference, ...]:
    """The differences that nobody has accepted."""
    return tuple(difference for difference in found if not difference.reasons)


def idle(found: Sequence[Difference], accept: Sequence[Accepted]) -> tuple[Verdict, ...]:
    """Say which entries met no difference: misspelt, or not needed any more."""
    said = [
        f"verify.accept, entry {number}: {_shown(entry)} does not differ"
        for number, entry in enumerate(accept, 1)
        if not any(_names(entry, d.ref) and _leads_to(entry, path) for d in found for path in d.paths)
    ]
    return (passed(IDLE, "; ".join(said)),) if said else ()


def names_nothing(accept: Sequence[Accepted], refs: Sequence[Ref]) -> Iterator[tuple[int, Accepted]]:
    """The entries, counted from 1, whose object is none of these."""
    for number, entry in enumerate(accept, 1):
        if not any(_names(entry, ref) for ref in refs):
            yield number, entry


def reason(ref: Ref, path: str, accept: Sequence[Accepted]) -> str:
    """Why a difference at one path may stay; empty where nobody has accepted it."""
    return next((e.reason for e in accept if _names(e, ref) and _leads_to(e, path)), "")


def _parts(difference: Difference, accept: Sequence[Accepted]) -> Iterator[Difference]:
    mine = [entry for entry in accept if _names(entry, difference.ref)]
    reasons = [next((e.reason for e in mine if _leads_to(e, path)), "") for path in difference.paths]
    if not any(reasons):
        yield difference
        return
    for stays in (False, True):
        kept = [n for n, reason in enumerate(reasons) if bool(reason) is stays]
        if kept:
            part = difference.at(kept)
            yield replace(part, reasons=tuple(reasons[n] for n in kept)) if stays else part


def _names(entry: Accepted, ref: Ref) -> bool:
    return (
        fnmatchcase(ref.kind, entry.kind)
        and (not entry.group or fnmatchcase(ref.group, entry.group))
        and fnmatchcase(ref.namespace, entry.namespace)
        and fnmatchcase(ref.name, entry.name)
    )


def _leads_to(entry: Accepted, path: str) -> bool:
    """Whether a path is the entry's, or lies below it; `[*]` is any position of a list."""
    wanted = re.escape(entry.path).replace(r"\[\*\]", r"\[\d+\]")
    return re.match(rf"{wanted}($|[.\[])", path) is not None


def _shown(entry: Accepted) -> str:
    place = f"{entry.namespace}/{entry.name}"
    return f"{entry.kind} {place} at {entry.path}"
