"""Who shares a claim goes off and on together."""

from __future__ import annotations

from migrate.model.objects import Ref
from migrate.replay.handover import Handover
from migrate.steps.handing_over import of_users, parties, unmounted
from migrate.steps.ledger import Held


def ref(name: str) -> Ref:
    """A Deployment of the shop."""
    return Ref("apps", "Deployment", "shop", name)


def held(name: str) -> Held:
    """A held Deployment of the shop."""
    return Held(ref(name), "held", "exclusive", False, {}, {}, (), {"spec": {"replicas": 0}})


def over(claim: str, *users: str) -> Handover:
    """A claim that is handed over, with who mounts it."""
    of = tuple(map(ref, users))
    return Handover(
        Ref("", "PersistentVolumeClaim", "shop", claim),
        "reattach",
        Ref("", "PersistentVolume", "", claim),
        of,
    )


def cut(names: str, *volumes: Handover, size: int = 2) -> list[str]:
    """Parties as words of one letter each."""
    return ["".join(h.ref.name for h in party) for party in parties([held(n) for n in names], volumes, size)]


def test_without_claims_a_group_is_cut_by_size() -> None:
    """In its own order."""
    assert cut("abcde") == ["ab", "cd", "e"]


def test_who_shares_a_claim_moves_together() -> None:
    """Also by way of another, and although the party becomes bigger."""
    assert cut("abcde", over("x", "a", "d"), over("y", "d", "e")) == ["ade", "bc"]


def test_a_claim_of_somebody_in_another_group_keeps_nobody_back() -> None:
    """Who is not in the group is not waited for here."""
    assert cut("abc", over("x", "b", "z")) == ["ab", "c"]


def test_volumes_are_handed_over_with_who_mounts_them() -> None:
    """And those that nothing in the ledger mounts before any writer starts."""
    one, two = over("x", "a"), over("y")
    assert of_users([one, two], {ref("a")}) == [one]
    assert unmounted([one, two]) == [two]
