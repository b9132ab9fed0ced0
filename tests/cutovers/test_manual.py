"""A person turns the traffic: what is measured, what is only told."""

from __future__ import annotations

import pytest

from migrate.cutovers.manual import ManualTraffic, fits
from migrate.errors import NotFound
from migrate.model.ids import RouteName, Side
from migrate.model.migration import Cutover, RouteSpec
from tests.backends import Backends
from tests.cutovers.clocks import StillClock
from tests.cutovers.haproxy_fixture import Balancer

SHOP = RouteName("shop")


def traffic_of(route: RouteSpec, store: dict[str, str] | None = None) -> ManualTraffic:
    return ManualTraffic(
        Cutover(kind="manual", routes=(route,)), StillClock(), {} if store is None else store
    )


def test_without_urls_the_share_is_what_a_person_acknowledged() -> None:
    """It is passed on as a person's word, never as measured, and a wish alone changes nothing."""
    store: dict[str, str] = {}
    traffic = traffic_of(RouteSpec(name="shop"), store)
    assert (traffic.read(SHOP).green, traffic.read(SHOP).consistent) == (0, False)
    traffic.set(SHOP, 25)
    assert traffic.read(SHOP).green == 0
    traffic.acknowledge(SHOP, 25)
    share = traffic_of(RouteSpec(name="shop"), store).read(SHOP)
    assert (share.green, share.consistent, share.detail) == (
        25,
        False,
        "acknowledged by a person, not measured",
    )
    assert traffic.wanted(SHOP) == 25


def test_there_are_no_counts_and_no_samples_without_urls() -> None:
    """Nothing is claimed: no counts, no samples."""
    traffic = traffic_of(RouteSpec(name="shop"))
    assert traffic.counts(SHOP) is None
    assert traffic.sample(SHOP, count=5, rate=100).sent == 0
    assert traffic.probe(SHOP, Side.BLUE, count=5, rate=100).sent == 0


def test_sides_that_answer_alike_cannot_be_measured(backends: Backends) -> None:
    """Both direct URLs lead to the same cluster: the measurement is not believed."""
    route = RouteSpec(
        name="shop", probe=backends.url("b1"), direct_blue=backends.url("b1"), direct_green=backends.url("b2")
    )
    assert "not measured" in traffic_of(route).read(SHOP).detail


def test_a_side_that_fails_cannot_be_told_apart(backends: Backends) -> None:
    """Green does not answer, so its marker is not known."""
    backends.behave("g2", failure="500")
    try:
        route = RouteSpec(
            name="shop",
            probe=backends.url("b1"),
            direct_blue=backends.url("b1"),
            direct_green=backends.url("g2"),
        )
        assert "not measured" in traffic_of(route).read(SHOP).detail
    finally:
        backends.behave("g2")


@pytest.mark.haproxy
class TestMeasured:
    """A real balancer in a person's hands."""

    @staticmethod
    def traffic(balancer: Balancer, store: dict[str, str]) -> ManualTraffic:
        return traffic_of(balancer.cutover().routes[0], store)

    def test_what_a_person_turned_is_measured(self, balancer: Balancer) -> None:
        """Before the person acts the measurement says 0; afterwards it agrees with what was wanted."""
        traffic = self.traffic(balancer, {})
        traffic.set(SHOP, 25)
        assert traffic.read(SHOP).green == 0
        for name, weight in {"b1": 75, "b2": 75, "g1": 25, "g2": 25}.items():
            balancer.ask(f"set server shop/{name} weight {weight}")
        share = traffic.read(SHOP)
        assert (share.green, share.consistent) == (25, True)
        assert "probes were answered by green" in share.detail

    def test_a_measurement_speaks_against_a_word(self, balancer: Balancer) -> None:
        """Somebody acknowledged 100 % and turned nothing."""
        traffic = self.traffic(balancer, {})
        traffic.set(SHOP, 100)
        traffic.acknowledge(SHOP, 100)
        share = traffic.read(SHOP)
        assert (share.green, share.consistent) == (0, False)
        assert "speaks against the 100 %" in share.detail


@pytest.mark.parametrize(
    ("hits", "claim", "expected"),
    [
        (0, 0, True),
        (1, 0, False),
        (200, 100, True),
        (199, 100, False),
        (50, 25, True),
        (80, 25, False),
        (2, 1, True),
    ],
)
def test_counts_fit_a_claim_within_their_scatter(hits: int, claim: int, expected: bool) -> None:
    """0 and 100 % allow no exception; the others three standard deviations."""
    assert fits(hits, 200, claim) is expected


def test_unknown_routes_are_refused() -> None:
    """A typing mistake writes nothing."""
    store: dict[str, str] = {}
    traffic = traffic_of(RouteSpec(name="shop"), store)
    for act in (traffic.set, traffic.acknowledge):
        with pytest.raises(NotFound):
            act(RouteName("other"), 5)
    assert store == {}
