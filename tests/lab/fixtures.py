"""Fixtures that hand real control planes to tests; tests/conftest.py loads this file as a plugin.

Where there is no lab a test is skipped with the reason, or fails where CNIMIGRATE_REQUIRE_LAB=1 says that
there must be one. With several workers each has control planes of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import pytest

from tests.lab import outcomes
from tests.lab.assets import REQUIRE, Assets, locate, required
from tests.lab.components import Spec
from tests.lab.control_plane import ControlPlane, start_all
from tests.lab.errors import LabUnavailable
from tests.lab.pairs import SPECS

TEST_DATA = "CNIMIGRATE_TEST_DATA"
ROOT = Path(__file__).resolve().parents[2]
LAB_FIXTURES = frozenset({"lab_assets", "control_plane_factory", "blue_and_green"})

ControlPlaneFactory = Callable[[Spec], ControlPlane]


def absent(reason: str) -> NoReturn:
    """End the test that needs what is absent: skipped, or failed where it is required."""
    if required():
        pytest.fail(f"{REQUIRE}=1, but {reason}", pytrace=False)
    pytest.skip(reason)


def need(assets: Assets, *programs: str) -> None:
    """End the test where one of these programs is absent, as with KUBEBUILDER_ASSETS."""
    for program in programs:
        if not assets.has(program):
            absent(f"{program} is not among the programs in {assets.folder}")


@pytest.hookimpl(tryfirst=True)  # before -m selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses the lab, and write that into the JUnit file, where CI counts what ran."""
    for item in items:
        if LAB_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("lab")
        if item.get_closest_marker("lab"):
            item.user_properties.append((outcomes.PROPERTY, "1"))


@pytest.fixture(scope="session")
def lab_assets() -> Assets:
    """Return the lab's programs, built beforehand (`python -m tests.lab build`)."""
    try:
        return locate()
    except LabUnavailable as reason:
        absent(str(reason))


@pytest.fixture
def control_plane_factory(lab_assets: Assets) -> Iterator[ControlPlaneFactory]:
    """Start control planes for one test, `factory(Spec("solo", nodes=5))`, which may break them."""
    with ExitStack() as stack:
        yield lambda spec: stack.enter_context(ControlPlane(spec, lab_assets))


@pytest.fixture(scope="session")
def blue_and_green(lab_assets: Assets) -> Iterator[tuple[ControlPlane, ControlPlane]]:
    """Start blue and green once for the whole run; a test keeps to namespaces of its own in them."""
    need(lab_assets, "kube-controller-manager", "kube-scheduler", "kwok")
    blue, green = (ControlPlane(spec, lab_assets) for spec in SPECS)
    try:
        start_all([blue, green])
        yield blue, green
    finally:
        blue.stop()
        green.stop()


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Return the folder of recorded clusters and manifests, by CNIMIGRATE_TEST_DATA or beside the project."""
    folder = Path(os.environ.get(TEST_DATA, "") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        absent(f"there is no test data in {folder}: {TEST_DATA} names it")
    return folder
