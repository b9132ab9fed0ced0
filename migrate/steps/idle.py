"""What the file's entries say of nothing: one that holds stops the replay, others are told where workloads start."""

from __future__ import annotations

from collections.abc import Sequence

from migrate import replay
from migrate.actions.record import record
from migrate.model.inventory import Inventory
from migrate.model.migration import Migration
from migrate.model.progress import Progress
from migrate.model.verdict import Verdict, failed, passed
from migrate.steps.ledger import listed

DECISIONS = "decisions"
"""The record of the replay that what is to decide has been decided."""

CHECK = "entries that meet nothing on blue"


def met(migration: Migration, blue: Inventory) -> list[Verdict]:
    """Fail for each entry that holds and names nothing: what it means would be started on both sides."""
    found = replay.idle(migration, blue)
    told = "; ".join(str(one) for one in found if not one.holds)
    return [
        *(
            failed(
                f"{one.entry} holds something",
                f"{one}; nothing is held by it, and what it means may run on both sides",
                f"Write {one.entry} as blue has it (cnimigrate plan --objects), or take it out; then cnimigrate amend and run",
            )
            for one in found
            if one.holds
        ),
        *([passed(CHECK, told)] if told else ()),
    ]


def idle_lines(progress: Progress) -> Sequence[str]:
    """The entries that met nothing, as the replay has recorded them, for whoever approves what starts."""
    known = progress.of_key(record(DECISIONS, ()).key)
    said = known.action.params["verdicts"] if known is not None else ()
    return listed(CHECK, [v["evidence"] for v in said if v["check"] == CHECK])
