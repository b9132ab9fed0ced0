"""The rules that leave objects out or ask a person, one file per family, in the order in which they are tried.

Lives here: what is not written, and why. Never here: forms of what is written (`forms`), or sanitising.
"""

from __future__ import annotations

from migrate.replay.rule import Rule
from migrate.replay.rules import (
    at_work,
    cni,
    finished,
    gitops,
    green,
    inline,
    managed,
    namespaces,
    never,
    offspring,
    owners,
    unknown,
    volumes,
)

SKIPS: tuple[Rule, ...] = (
    *never.RULES,
    *cni.RULES,
    *managed.BY_NAME,
    *finished.TERMINATING,
    *namespaces.RULES,
    *volumes.RULES,
    *owners.RULES,
    *managed.BY_CONTENT,
    *finished.RULES,
    *at_work.RULES,
    *gitops.RULES,
    *inline.RULES,
    *green.RULES,
    *unknown.RULES,
    *offspring.RULES,
)
"""The first that matches decides; the families' order goes from what can never move to what depends on green."""
