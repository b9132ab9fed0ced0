"""Percent into weights, and the path from one split to the next."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.errors import Refused
from migrate.planning.haproxy_weights import MAX_WEIGHT, order, percent, share, spread

CAPACITIES = st.lists(st.integers(1, 256), min_size=1, max_size=6)
GREEN = ("g1", "g2")


def named(blue: tuple[int, ...], green: tuple[int, ...]) -> tuple[dict[str, int], list[str]]:
    weights = {f"b{i}": w for i, w in enumerate(blue)} | {f"g{i}": w for i, w in enumerate(green)}
    return weights, [name for name in weights if name[0] == "g"]


@given(wanted=st.integers(0, 100), blue=CAPACITIES, green=CAPACITIES)
def test_every_percentage_reads_back_as_itself(wanted: int, blue: list[int], green: list[int]) -> None:
    """Up to six servers a side of any capacities: what is dealt is what `percent` reads, in weights that HAProxy takes."""
    weights, names = named(*spread(wanted, blue, green))
    assert percent(weights, names) == wanted
    assert all(0 <= weight <= MAX_WEIGHT for weight in weights.values())


@given(wanted=st.integers(0, 100), blue=st.integers(1, 3), green=st.integers(1, 3))
def test_equal_servers_are_dealt_exactly_and_alike(wanted: int, blue: int, green: int) -> None:
    """Up to three equal servers a side: within a tenth of a point, each server of a side with the same weight."""
    split = spread(wanted, (1,) * blue, (1,) * green)
    weights, names = named(*split)
    exact = share(weights, names)
    assert exact is not None
    assert abs(exact - wanted) < 0.17
    assert len(set(split[0])) == len(set(split[1])) == 1


def test_two_servers_a_side_get_the_percentage_itself() -> None:
    """The common shape gives weights that a person can read."""
    assert spread(1, (1, 1), (1, 1)) == ((99, 99), (1, 1))
    assert spread(25, (1, 1), (1, 1)) == ((75, 75), (25, 25))
    assert spread(0, (1, 1), (1, 1)) == ((100, 100), (0, 0))
    assert spread(100, (1, 1), (1, 1)) == ((0, 0), (100, 100))


def test_weights_follow_the_servers_capacities() -> None:
    """A server configured with twice the weight of its neighbour keeps twice its part."""
    assert spread(25, (2, 1), (1,)) == ((100, 50), (50,))


def test_a_small_part_of_a_large_side_is_dealt_to_as_many_servers_as_can_be() -> None:
    """One percent cannot be dealt to forty servers beside one: the last ones get nothing, the percentage holds."""
    blue, green = spread(1, (1,), (1,) * 40)
    weights, names = named(blue, green)
    assert percent(weights, names) == 1
    assert 0 < sum(1 for weight in green if weight) < 40


def test_a_split_beyond_the_weights_is_refused() -> None:
    """Half of the traffic to one server beside a thousand needs a weight above 256."""
    with pytest.raises(Refused, match="cannot be expressed"):
        spread(50, (1,) * 1000, (1,))


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({"b1": 256, "g1": 1, "g2": 0}, 1),
        ({"b1": 1, "g1": 256, "g2": 256}, 99),
        ({"b1": 0, "g1": 0, "g2": 0}, 0),
        ({"b1": 0, "g1": 0, "g2": 1}, 100),
        ({"b1": 199, "g1": 1, "g2": 0}, 1),
    ],
)
def test_a_side_with_weight_is_never_read_as_having_none(weights: Mapping[str, int], expected: int) -> None:
    """0 and 100 percent mean that the other side gets nothing at all."""
    assert percent(weights, GREEN) == expected


WEIGHT = st.integers(0, MAX_WEIGHT)


@given(
    before=st.fixed_dictionaries(dict.fromkeys(("b1", "b2", "g1", "g2"), WEIGHT)).filter(
        lambda w: any(w.values())
    ),
    wanted=st.integers(0, 100),
)
def test_no_moment_on_the_way_has_all_weights_zero(before: dict[str, int], wanted: int) -> None:
    """From any weights to any split, there is always a server that takes the next request."""
    blue, green = spread(wanted, (1, 1), (1, 1))
    after = dict(zip(("b1", "b2", *GREEN), (*blue, *green), strict=True))
    weights = dict(before)
    for name, weight in order(before, after, GREEN):
        weights[name] = weight
        assert any(weights.values())
    assert weights == after


@pytest.mark.parametrize(
    ("start", "end"), [(0, 1), (1, 5), (5, 25), (25, 50), (50, 100), (100, 0), (5, 1), (50, 0)]
)
@pytest.mark.parametrize(("blues", "greens"), [(1, 1), (2, 2), (3, 1), (1, 3), (3, 2)])
def test_a_stage_goes_straight_to_its_split(start: int, end: int, blues: int, greens: int) -> None:
    """Between two stages green's part never leaves the range between them by more than one point."""
    before, names = named(*spread(start, (1,) * blues, (1,) * greens))
    after, _ = named(*spread(end, (1,) * blues, (1,) * greens))
    low, high = sorted((start, end))
    weights = dict(before)
    for name, weight in order(before, after, names):
        weights[name] = weight
        now = share(weights, names)
        assert now is not None
        assert low - 1 <= now <= high + 1


def test_the_first_percent_leaves_a_fresh_configuration_without_a_jump() -> None:
    """Blue at weight 1 is raised before green gets its first weight: else green would take a third for a moment."""
    steps = order({"b1": 1, "b2": 1, "g1": 0, "g2": 0}, {"b1": 99, "b2": 99, "g1": 1, "g2": 1}, GREEN)
    assert [name for name, _ in steps] == ["b1", "b2", "g1", "g2"]


def test_a_whole_switch_raises_green_before_blue_is_lowered() -> None:
    """Capacity is added before it is taken away."""
    steps = order({"b1": 100, "b2": 100, "g1": 0, "g2": 0}, {"b1": 0, "b2": 0, "g1": 100, "g2": 100}, GREEN)
    assert [name for name, _ in steps] == ["g1", "g2", "b1", "b2"]


def test_nothing_to_change_is_no_step() -> None:
    """A split that stands is left alone."""
    assert order({"b1": 1, "g1": 1, "g2": 1}, {"b1": 1, "g1": 1, "g2": 1}, GREEN) == ()
