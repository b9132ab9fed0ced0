"""What stands on green by this run's hand and is not to stand there any more, and when a person is asked first."""

from __future__ import annotations

from collections.abc import Sequence

from migrate.model.decision import Form
from migrate.model.groups import BUILT_IN_GROUPS
from migrate.model.inventory import Inventory
from migrate.model.verdict import Verdict, failed, passed
from migrate.replay import kinds
from migrate.replay.decisions import Decisions
from migrate.replay.drift import GONE, STAYS, Record
from migrate.replay.parity import SHOWN, Difference, unread

LATER = "is made only at the cutover"

CHECK = "deletions"

PRECIOUS = frozenset({kinds.NAMESPACE, kinds.DEFINITION, kinds.PERSISTENT_VOLUME, kinds.CLAIM})
"""What takes much along when it goes; one of them is enough to ask.

So is a custom resource that blue still has. Its operator may run on green by now, and clears on its end what lies
outside the cluster as well: a bucket, a database, a name; blue uses that still.
"""

MANY, SHARE = 20, 0.1
"""More than so many, and more than this share of what was written: blue may be sick, and its answer not the truth."""


def leaving(decisions: Decisions, record: Record, blue: Inventory) -> tuple[Difference, ...]:
    """What is gone from blue, moves no longer, or follows only at the cutover; what could not be read is none of it."""
    found = []
    for ref in sorted(record.hashes):
        decision = decisions.of(ref)
        if decision is None:
            found += [Difference(ref, 0, GONE)] if not unread(ref, blue) else []
        elif decision.form is Form.SKIPPED:
            found.append(Difference(ref, 0, f"{STAYS}: {decision.reason}"))
        elif decision.form is Form.DEFERRED:
            found.append(Difference(ref, decision.wave, LATER))
    return tuple(found)


def judged(found: Sequence[Difference], written: int, accepted: int) -> Verdict:
    """Whether so much may be deleted on green: little, nothing precious, or what a person has `accepted` by its number."""
    precious = [d for d in found if _precious(d)]
    many = len(found) > MANY and len(found) > SHARE * written
    if not (many or precious):
        return passed(CHECK, f"{len(found)} objects are to be deleted on green")
    if len(found) <= accepted:
        return passed(CHECK, f"{len(found)} objects are to be deleted on green, by a person's word")
    shown = "; ".join(map(str, (precious or found)[:SHOWN]))
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return failed(
        CHECK,
        f"{len(found)} of {written} objects would be deleted on green: {shown}{more}",
        "See whether blue is well and has really given them up, and whether the rules say what they should: "
        "cnimigrate plan --delta lists them. "
        f"If so: cnimigrate run --accept-deletions {len(found)}; what was kept of volumes stays.",
    )


def _precious(leaving: Difference) -> bool:
    kind = leaving.ref.group, leaving.ref.kind
    return kind in PRECIOUS or (leaving.what != GONE and leaving.ref.group not in BUILT_IN_GROUPS)
