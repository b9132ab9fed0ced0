"""Before something of blue is put to rest: whether a claim that is being deleted there would go with it."""

from __future__ import annotations

from collections.abc import Sequence

from migrate.actions.record import record
from migrate.doors.reading import read_inventory
from migrate.engine.step import Batches, Scene
from migrate.model.objects import Ref
from migrate.model.verdict import Verdict, failed
from migrate.replay import kinds
from migrate.replay.doomed import WAY_OUT, at_stake

_RUNS = kinds.WORKLOADS | {kinds.POD, kinds.JOB, kinds.CRON_JOB}

CHECK = "claims of what goes off"


def no_claim_ends(scene: Scene, users: Sequence[Ref]) -> Batches:
    """Stop while each of `users` still runs, where one of them is the last to keep a claim; nothing where none is.

    The replay has asked about each such claim, and drift is looked for as the writers begin. What is deleted after that
    is seen here alone, so blue is looked at anew right before each party goes off.
    """
    running = [user for user in users if user[:2] in _RUNS]
    if not running:
        return
    spaces = sorted({user.namespace for user in running})
    only = {kinds.CLAIM, *(user[:2] for user in running)}
    blue = read_inventory(scene.doors.blue, only=only, namespaces=spaces)
    found = list(at_stake(running, blue, scene.migration))
    if found:
        yield [record(CHECK, [_told(*one) for one in found])]


def _told(user: Ref, claim: Ref, why: str) -> Verdict:
    return failed(CHECK, f"{user} keeps {claim}: {why}", f"{WAY_OUT}. Then run the same command.")
