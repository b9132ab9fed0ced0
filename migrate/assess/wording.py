"""How evidence is worded: short lists and counted nouns."""

from __future__ import annotations

from collections.abc import Iterable

SHOWN = 5
"""How many names a sentence lists before it says how many more there are."""


def few(items: Iterable[str], shown: int = SHOWN) -> str:
    """List the first items, sorted and without repetition, and say how many more there are."""
    names = sorted(set(items))
    rest = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {rest} more" if rest > 0 else "")


def count(number: int, noun: str, plural: str = "") -> str:
    """Word a count: "1 pod", "2 pods", "3 policies"."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
