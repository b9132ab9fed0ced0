"""Why an object was patched: a word in the Action's parameters and in its key, so that one object may be patched twice.

Journals keep these words: a reason may be added, none may be spelt anew.
"""

from __future__ import annotations

from enum import StrEnum

from migrate.model.action import Action


class Why(StrEnum):
    """The reason of a patch."""

    PAUSE = "pause"
    """What would act against the move is paused on blue."""

    KEEP = "keep"
    """A volume of blue outlives its claim there, because green uses the same disk."""

    POOL = "pool"
    """A Namespace of green takes its addresses from the pools of the migration file."""

    ADOPT = "adopt"
    """Green's own object is equal to blue's, and gets our marks alone."""

    MERGE = "merge"
    """Green's own object lacks what blue's says."""

    UNMERGE = "unmerge"
    """What was merged is on blue no more."""

    START = "start"
    """Let go before the cutover."""

    REST = "rest"
    """Blue's twin goes off; what it was is written into it, for whoever has no journal."""

    RELEASE = "release"
    """Let go at the cutover."""

    REST_AGAIN = "rest again"
    """On the way back what a custom resource made on green goes off before its controller's twin wakes on blue."""

    UNMARK = "unmark"
    """Our marks come off."""


def undoing(why: str) -> str:
    """The reason of the way back of a patch."""
    return f"undo {why}"


def patched(action: Action, *whys: Why) -> bool:
    """Whether an Action is a patch for one of these reasons; its way back is none."""
    return action.kind == "patch" and action.params["why"] in whys
