"""What of an object of blue is written to green: the edits of `sanitising`, made one after the other.

Nothing is pruned for being empty: an egress rule `{}` allows everything, its absence denies it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import ip_network
from itertools import groupby

from migrate.model.canonical import keyed_digest
from migrate.model.ids import RuleId, RunId
from migrate.model.marks import RUN, SOURCE_HASH, SOURCE_UID, unmarked
from migrate.model.migration import Migration
from migrate.model.objects import Object, annotations_of, group_of, kind_of
from migrate.replay.edits import replaced
from migrate.replay.kinds import Kind
from migrate.replay.sanitising import EDITS, Edit, Setting
from migrate.replay.sanitising.edit import Change, unnoted
from migrate.replay.storage_classes import renamed_classes

AS_IT_IS = Setting()
"""Nothing is known of green: an object is reduced to what can be compared on either side."""


def setting_of(migration: Migration) -> Setting:
    """What the edits have to know of a green that is yet to be written to."""
    networks = migration.green.network.service_cidr.split(",")
    try:
        families = frozenset(f"IPv{ip_network(cidr.strip()).version}" for cidr in networks)
    except ValueError:  # the planner says what is wrong with the file
        families = None
    return Setting(families, renamed_classes(migration), grown=True)


def sanitise(obj: Object, setting: Setting = AS_IT_IS) -> Object:
    """Reduce an object to what may be written elsewhere; what is kept is shared with the original.

    Doing it twice changes nothing more.
    """
    for change in changes((group_of(obj), kind_of(obj))):
        obj = change(obj, setting)
    return obj


def edited(obj: Object, setting: Setting = AS_IT_IS) -> Iterator[RuleId]:
    """The edits that change anything of an object, in their order."""
    for edit in _edits((group_of(obj), kind_of(obj))):
        after = edit.at((group_of(obj), kind_of(obj)))(obj, setting)
        if after != obj:
            yield edit.id
        obj = after


def mark(target: Object, *, run: RunId, key: bytes, source_uid: str) -> Object:
    """Add our annotations to what will be written; the hash is that of the target without any of them."""
    marks = {RUN: str(run), SOURCE_UID: source_uid, SOURCE_HASH: source_hash(target, key)}
    return replaced(target, ("metadata", "annotations"), {**annotations_of(target), **marks})


def source_hash(target: Object, key: bytes) -> str:
    """The keyed hash of what is written, without our annotations."""
    return keyed_digest(key, unmarked(target))


def _edits(kind: Kind) -> tuple[Edit, ...]:
    return tuple(edit for edit in EDITS if edit.kinds is None or kind in edit.kinds)


@lru_cache(maxsize=1024)
def changes(kind: Kind) -> tuple[Change, ...]:
    """What is done to an object of a kind, in the table's order; neighbours that drop annotations look for them at once."""
    runs = groupby(_edits(kind), key=lambda edit: bool(edit.notes))
    made = (_at_once(run) if drop else [edit.at(kind) for edit in run] for drop, run in runs)
    return tuple(change for run in made for change in run)


def _at_once(run: Iterable[Edit]) -> list[Change]:
    return [unnoted("|".join(edit.notes for edit in run))]
