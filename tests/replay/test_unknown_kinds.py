"""Every kind that a server of today serves by itself has a rule of its own, or its fields are known."""

from __future__ import annotations

import pytest

from migrate.replay.rules.unknown import RULES
from migrate.simulation.served import builtin
from tests.replay.builders import decide, obj


@pytest.mark.parametrize(
    ("api", "kind"),
    sorted(
        {
            (s.resource.api_version, s.resource.kind)
            for s in builtin()
            if {"list", "create"} <= s.resource.verbs
        }
    ),
)
def test_a_known_server_has_no_unknown_kind(api: str, kind: str) -> None:
    """Nobody is asked about a kind for being new, whatever else is decided of it."""
    (decision,) = decide(obj(kind, "a", "shop", api))
    assert decision.rule != RULES[0].id
