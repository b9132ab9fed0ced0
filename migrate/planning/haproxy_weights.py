"""Percent into HAProxy weights, and the order in which they are set; pure.

HAProxy knows weights per server, 0 to 256 (management guide 9.3, "set weight"); a server's part is its weight over
the sum of all. What is wanted here is a split of two sides in percent.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence

from migrate.errors import Refused

MAX_WEIGHT = 256
"""The largest weight that HAProxy accepts."""

NOMINAL = 100
"""The mean weight aimed at: totals that stay alike from stage to stage keep the path between two stages short."""

_STEP = 0.05
"""Percentage points that count as equally exact when two spreads are compared."""


def share(weights: Mapping[str, int], green: Collection[str]) -> float | None:
    """Green's part of the weights in percent; None where all of them are 0."""
    total = sum(weights.values())
    return 100 * sum(weights[name] for name in green) / total if total else None


def percent(weights: Mapping[str, int], green: Collection[str]) -> int:
    """Green's part rounded half up to a whole percent, but never to 0 or 100 while both sides have weight."""
    exact = share(weights, green)
    if exact is None or exact == 0:
        return 0
    return 100 if exact == 100 else min(99, max(1, int(exact + 0.5)))


def spread(wanted: int, blue: Sequence[int], green: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Give each server its weight so that green gets `wanted` percent; blue's weights first, then green's.

    `blue` and `green` are the servers' capacities within their side (equal ones as 1, 1, 1), which the weights follow
    as far as whole numbers allow. Read back by `percent`, the result is `wanted` again. Where one side has so many
    servers that a small part cannot be dealt to all of them, the last ones get 0. Deterministic: the same arguments
    give the same weights. Raises Refused where no weights up to 256 express the split.
    """
    if wanted == 0:
        return _side(blue, NOMINAL), (0,) * len(green)
    if wanted == 100:
        return (0,) * len(blue), _side(green, NOMINAL)
    small, large = (green, blue) if wanted <= 50 else (blue, green)
    part = min(wanted, 100 - wanted)
    for used in range(len(small), 0, -1):
        found = _fit(part, small[:used], large)
        if found is not None:
            few, many = (*found[0], *(0,) * (len(small) - used)), found[1]
            return (many, few) if wanted <= 50 else (few, many)
    raise Refused(
        f"{wanted} % of the traffic cannot be expressed by weights of 0 to {MAX_WEIGHT} "
        f"over {len(blue)} servers of blue and {len(green)} of green"
    )


def order(
    before: Mapping[str, int], after: Mapping[str, int], green: Collection[str]
) -> tuple[tuple[str, int], ...]:
    """Order the changes from `before` to `after`, one server a time, so that the split goes straight to its end.

    At no moment are all weights 0 (unless `after` is), and each change is the one that leaves the range between the
    old and the new split least; of equals a raise comes first, so that capacity is added before it is taken away.
    """
    weights = dict(before)
    pending = [name for name in after if before.get(name) != after[name]]
    ends = sorted(end for end in (share(before, green), share(after, green)) if end is not None)
    changes = []

    def cost(name: str) -> tuple[float, bool]:
        now = share({**weights, name: after[name]}, green)
        if now is None or not ends:
            return (float("inf"), True)
        return (round(max(ends[0] - now, now - ends[-1], 0.0), 9), after[name] < weights.get(name, 0))

    while pending:
        name = min(pending, key=cost)  # of equals the first, so the order is the file's
        pending.remove(name)
        weights[name] = after[name]
        changes.append((name, after[name]))
    return tuple(changes)


def _side(capacities: Sequence[int], top: int) -> tuple[int, ...]:
    largest = max(capacities)
    return tuple(max(1, round(capacity * top / largest)) for capacity in capacities)


def _distortion(capacities: Sequence[int], weights: Sequence[int]) -> float:
    whole, total = sum(capacities), sum(weights)
    return max(abs(c / whole - w / total) for c, w in zip(capacities, weights, strict=True))


def _fit(
    part: int, small: Sequence[int], large: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Find the weights that give the small side its part; None where the nearest would read back as another percent.

    Compared by, in this order: exactness in steps of `_STEP` points, faithfulness to the capacities, exactness, and
    how near the total is to `NOMINAL` a server.
    """
    tops = range(1, MAX_WEIGHT + 1)
    few = [_side(small, top) for top in tops]
    many = [_side(large, top) for top in tops]
    sums = [sum(weights) for weights in few]
    nominal = NOMINAL * max(len(small), len(large))
    best: tuple[tuple[float, ...], tuple[int, ...], tuple[int, ...]] | None = None
    for weights in many:
        total = sum(weights)
        near = bisect_left(sums, total * part / (100 - part))
        for candidate in few[max(0, near - 1) : near + 1]:
            own = sum(candidate)
            error = abs(100 * own / (own + total) - part)
            skew = max(_distortion(small, candidate), _distortion(large, weights))
            key = (int(error / _STEP), round(skew, 2), round(error, 9), abs(own + total - nominal))
            if best is None or key < best[0]:
                best = (key, candidate, weights)
    if best is None or best[0][2] >= 0.5:
        return None
    return best[1], best[2]
