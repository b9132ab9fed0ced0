"""Small moves that were not begun, and one that was carried out; the sides of a real one, and its balancer."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from migrate.cli.project import Project
from tests.cutovers.haproxy_fixture import Balancer, running
from tests.lab.assets import Assets
from tests.lab.control_plane import ControlPlane
from tests.lab.fixtures import ControlPlaneFactory
from tests.scenario import real
from tests.scenario.moves import copied, run, seeded
from tests.scenario.standing_blue import StandingBlue, standing_blue


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that was not begun."""
    return seeded(tmp_path_factory.mktemp("invariants") / "fresh")


@pytest.fixture
def project(fresh: Project, tmp_path: Path) -> Project:
    """A project of the test's own."""
    return copied(fresh, tmp_path / "move")


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Directories by number, for one run each."""
    base = tmp_path_factory.mktemp("broken")
    return (base / str(number) for number in count())


@pytest.fixture(scope="module")
def finished(fresh: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A move that was carried out whole; read it, or copy it."""
    project = copied(fresh, tmp_path_factory.mktemp("finished") / "move")
    assert run(project)
    return project


@pytest.fixture(scope="module")
def blue(lab_assets: Assets, test_data: Path) -> Iterator[StandingBlue]:
    """The blue of this module."""
    with standing_blue(lab_assets, test_data) as started:
        yield started


@pytest.fixture
def green(control_plane_factory: ControlPlaneFactory) -> Iterator[ControlPlane]:
    """Start a fresh green with Calico's stand-in beside it."""
    plane = control_plane_factory(real.GREEN)
    with real.calico_plays(plane):
        yield plane


@pytest.fixture
def balancer() -> Iterator[Balancer]:
    """Start HAProxy with all its weight on blue."""
    with running() as started:
        yield started
