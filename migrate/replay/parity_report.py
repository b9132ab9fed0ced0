"""The comparison of green with blue as a document: how many objects are equal, and every difference with its cause.

It names objects, paths and causes, and holds no value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from migrate.model.objects import Ref
from migrate.model.verdict import Verdict
from migrate.replay.decisions import Decisions
from migrate.replay.parity import Difference


def counts(decisions: Decisions, found: Sequence[Difference]) -> Mapping[str, int]:
    """How many objects were compared, and how each of them stands; one that is several counts once, as the worst.

    What green completed counts as equal, and is counted beside: what was sent stands there unchanged.
    """
    unlike = [d for d in found if d.reasons or not d.completed]
    differing = {d.ref for d in unlike if not d.admitted and not d.reasons}
    admitted = {d.ref for d in unlike if d.admitted and not d.reasons} - differing
    accepted = {d.ref for d in unlike} - differing - admitted
    compared = len(decisions.written)
    return {
        "compared": compared,
        "equal": compared - len(differing | admitted | accepted),
        "differing": len(differing),
        "admitted": len(admitted),
        "accepted": len(accepted),
        "completed": len({d.ref for d in found} - {d.ref for d in unlike}),
    }


def summed(numbers: Mapping[str, int]) -> str:
    """The counts in words."""
    words = {
        "differing": "differ",
        "admitted": "as green's admission wrote them",
        "accepted": "as accepted",
        "completed": "of these completed by green",
    }
    rest = "".join(f", {numbers[key]} {said}" for key, said in words.items() if numbers[key])
    return f"{numbers['equal']} of {numbers['compared']} objects equal{rest}"


def report(
    decisions: Decisions, found: Sequence[Difference], verdicts: Sequence[Verdict]
) -> Mapping[str, Any]:
    """Everything that was compared: counts in all and by kind, causes, verdicts, differences by path."""
    refs = {d.ref for d in found if d.reasons or not d.completed}
    kinds = Counter(_kind(d.ref) for d in decisions.written)
    unequal = Counter(_kind(ref) for ref in refs)
    causes = Counter(cause or "not looked at" for d in found for cause in d.causes or ("",) * len(d.paths))
    return {
        "objects": counts(decisions, found),
        "kinds": {
            kind: {"compared": number, "equal": number - unequal[kind]}
            for kind, number in sorted(kinds.items())
        },
        "what": dict(sorted(Counter(d.what for d in found).items())),
        "causes": dict(sorted(causes.items())),
        "verdicts": [v.as_json() for v in verdicts],
        "differences": [d.as_json() for d in found],
    }


def _kind(ref: Ref) -> str:
    return f"{ref.kind}.{ref.group}" if ref.group else ref.kind
