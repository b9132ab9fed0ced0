"""Kinds of Action, one row each: what is said of many that were done, what they write, and what they are to a delta.

Every other word on a kind of Action is read from here, so that a new kind is left out nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Delta(Enum):
    """What an act is to the object that it is done to, as an order."""

    CREATED = "create"
    CHANGED = "change"
    DELETED = "delete"

    @property
    def past(self) -> str:
        """The same once it is done."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class ActionKind:
    """A kind of Action.

    `past` is said before a number of objects; empty where the kind is told by its name. `because` says why one would be
    done to an object, where that is no change on blue. `reply` says what shows that a write of objects was taken.
    """

    past: str = ""
    delta: Delta | None = None
    because: str = ""
    reply: str = ""
    writes: bool = False
    of_objects: bool = False


def _object(past: str, delta: Delta, *, reply: str = "", because: str = "") -> ActionKind:
    return ActionKind(past, delta, because, reply, writes=True, of_objects=True)


_SIDE = ActionKind(writes=True)
"""Changes a side, and no object of it."""

_LOOK = ActionKind()
"""Changes neither side."""

KINDS: Mapping[str, ActionKind] = {
    "create": _object("created", Delta.CREATED, reply="each reply has the object as it was sent"),
    "apply": _object("applied", Delta.CHANGED, reply="each object was taken by green's server"),
    "adopt": _object(
        "adopted", Delta.CHANGED, reply="each object was taken by green's server, without force"
    ),
    "disown": _object("gave up", Delta.CHANGED, reply="each object is free of what we set"),
    "cede": _object("ceded", Delta.CHANGED, reply="each object is owned by whoever owns it on blue"),
    "reclaim": _object("reclaimed", Delta.CHANGED, reply="each object is owned as before the finish"),
    "patch": _object("changed", Delta.CHANGED, reply="each reply has the change"),
    "delete": _object("deleted", Delta.DELETED, reply="each object is gone"),
    "retain": _object("kept", Delta.CHANGED, because="its data outlives its claim"),
    "link": _object(
        "linked", Delta.CHANGED, reply="each reply has the owners", because="its owner stands on green"
    ),
    "unlink": _object(
        "unlinked",
        Delta.CHANGED,
        reply="no reply has the owners",
        because="blue names an owner of it no more",
    ),
    "status": _object(
        "wrote the status of",
        Delta.CHANGED,
        reply="each reply has the status",
        because="green has no status of it",
    ),
    "count": _object("let count from now", Delta.CHANGED),
    "copy": ActionKind("copied the data of", Delta.CHANGED, "its data is to be copied", writes=True),
    "engage": _LOOK,
    "disengage": _SIDE,
    "weight": _SIDE,
    "provision": _SIDE,
    "unprovision": _SIDE,
    "snapshot": _LOOK,  # it writes files, of what it reads
    "record": _LOOK,
    "evidence": _LOOK,  # it writes a file, of what was found
    "wait": _LOOK,
    "watch": _LOOK,
}


def of_kind(kind: str) -> ActionKind:
    """The row of a kind; one that a journal of another release names is nothing but told by its name."""
    return KINDS.get(kind, _LOOK)
