"""Fixtures of the cutovers' tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from migrate.cutovers.haproxy import HAProxyTraffic
from migrate.model.ids import RouteName
from tests.backends import Backends
from tests.cutovers.clocks import StillClock
from tests.cutovers.haproxy_fixture import CLUSTERS, Balancer, running, wait_until


@pytest.fixture(scope="module")
def backends() -> Iterator[Backends]:
    """Four backends without a balancer; a test that changes one puts it back."""
    with Backends(CLUSTERS) as started:
        yield started


@pytest.fixture(scope="module")
def shared_balancer() -> Iterator[Balancer]:
    """One HAProxy for the module's tests."""
    with running() as started:
        yield started


@pytest.fixture
def balancer(shared_balancer: Balancer) -> Iterator[Balancer]:
    """The module's HAProxy, put back as it was started after each test."""
    yield shared_balancer
    for name in CLUSTERS:
        shared_balancer.backends.behave(name)
        shared_balancer.ask(f"set server shop/{name} state ready")
        shared_balancer.ask(f"set server shop/{name} weight {1 if name in {'b1', 'b2'} else 0}")
    traffic = HAProxyTraffic(shared_balancer.cutover(), StillClock())
    wait_until(
        lambda: "DOWN" not in " ".join(traffic.read(RouteName("shop")).servers.values()), "every server"
    )
