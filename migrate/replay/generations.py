"""Generations: how deep below its owners an object stands, where owners are written before what they own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from migrate.model.objects import Ref

Owners = Mapping[Ref, Iterable[Ref]]
"""The owners of each object; one that is no key itself stands by other means."""


@dataclass(frozen=True, slots=True)
class Generations:
    """The generation of each object, from 0, and at which ones a circle of owners was opened, with the circle."""

    of: Mapping[Ref, int]
    opened: Mapping[Ref, tuple[Ref, ...]]

    def told(self, ref: Ref) -> Iterator[str]:
        """Say at which object a circle was opened, and whom it leads through."""
        if ref in self.opened:
            yield f"own one another, and this one is written first: {' -> '.join(map(str, self.opened[ref]))}"


def generations(owners: Owners) -> Generations:
    """Rank objects so that each comes behind its owners.

    Who own one another in a circle cannot all come first: the one that is smallest by reference does.
    """
    waits = {ref: {o for o in found if o in owners and o != ref} for ref, found in owners.items()}
    owned: dict[Ref, list[Ref]] = defaultdict(list)
    for ref, left in waits.items():
        for owner in left:
            owned[owner].append(ref)
    found: dict[Ref, int] = {}
    opened: dict[Ref, tuple[Ref, ...]] = {}
    ready = [ref for ref, left in waits.items() if not left]
    generation = 0
    while waits:
        if not ready:
            circles = {circle[0]: circle for circle in _circles(waits)}
            opened |= circles
            ready = sorted(circles)
        found |= dict.fromkeys(ready, generation)
        free: set[Ref] = set()
        for ref in ready:
            del waits[ref]
        for ref in ready:
            for behind in owned[ref]:
                if behind in waits:
                    waits[behind].discard(ref)
                    if not waits[behind]:
                        free.add(behind)
        ready = sorted(free)
        generation += 1
    return Generations(found, opened)


def _circles(waits: Mapping[Ref, set[Ref]]) -> Iterator[tuple[Ref, ...]]:
    """Circles of owners, smallest member first, where everybody waits for somebody; at least one there is.

    Each is followed to its smallest owner alone, so that every object is passed once.
    """
    passed: set[Ref] = set()
    for start in sorted(waits):
        path: dict[Ref, int] = {}
        ref = start
        while ref not in passed:
            passed.add(ref)
            path[ref] = len(path)
            ref = min(waits[ref])
        if ref in path:
            circle = list(path)[path[ref] :]
            first = circle.index(min(circle))
            yield (*circle[first:], *circle[:first])
