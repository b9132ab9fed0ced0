"""Owners come before what they own, and circles are opened alike every time."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from migrate.model.objects import Ref
from migrate.replay.generations import generations
from tests.replay.builders import decide, obj

REFS = [Ref("example.net", "Shop", "shop", f"s{n}") for n in range(8)]
owners = st.dictionaries(st.sampled_from(REFS), st.lists(st.sampled_from(REFS), max_size=3), max_size=8)


@given(found=owners, seed=st.integers(0, 99))
def test_each_comes_behind_its_owners_but_where_a_circle_was_opened(
    found: dict[Ref, list[Ref]], seed: int
) -> None:
    """Whoever is not the opening of a circle has a higher rank than each owner; the order of reading says nothing."""
    ranked = generations(found)
    assert ranked.of.keys() == found.keys()
    for ref, above in found.items():
        for owner in set(above) & found.keys() - {ref}:
            assert ranked.of[owner] < ranked.of[ref] or ref in ranked.opened
    for ref, circle in ranked.opened.items():
        assert ref == circle[0] == min(circle)
        assert all(b in found[a] for a, b in zip(circle, (*circle[1:], circle[0]), strict=True))
    mixed = list(found.items())
    Random(seed).shuffle(mixed)
    assert generations({ref: list(reversed(above)) for ref, above in mixed}) == ranked


@given(found=owners)
def test_without_a_circle_the_rank_is_the_depth(found: dict[Ref, list[Ref]]) -> None:
    """In a tree of owners no circle is opened, and the rank is that of the deepest owner and one."""
    down = {ref: [owner for owner in above if owner < ref] for ref, above in found.items()}
    ranked = generations(down)
    assert not ranked.opened
    for ref, above in down.items():
        assert ranked.of[ref] == max((ranked.of[o] + 1 for o in above if o in down), default=0)


def test_custom_resources_are_written_owners_first() -> None:
    """Three generations are three stages; two that own one another are told, and the smaller comes first."""

    def shop(name: str, *above: str) -> dict[str, object]:
        named = [{"apiVersion": "example.net/v1", "kind": "Shop", "name": o, "uid": f"u-{o}"} for o in above]
        return obj("Shop", name, "shop", "example.net/v1", uid=f"u-{name}", owners=named)

    decisions = decide(shop("c", "b"), shop("b", "a"), shop("a"), shop("y", "x"), shop("x", "y"))
    stages = [[d.ref.name for d in stage] for stage in decisions.stages(10)]
    assert stages == [["a"], ["b"], ["c"], ["x"], ["y"]]
    said = [d.evidence for d in decisions if "own one another" in d.evidence]
    circle = "Shop.example.net shop/x -> Shop.example.net shop/y"
    linked = "owned by Shop.example.net shop/y, linked once both stand on green"
    assert said == [f"{linked}; own one another, and this one is written first: {circle}"]
