"""The sheet for the day without the tool, typed line by line on real clusters and a real balancer."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from migrate.model.ids import Side
from tests.cutovers.haproxy_fixture import Balancer
from tests.lab.assets import Assets
from tests.lab.control_plane import ControlPlane
from tests.lab.fixtures import absent
from tests.scenario import real, real_looks
from tests.scenario.real import Point
from tests.scenario.standing_blue import StandingBlue, standing_blue

pytestmark = pytest.mark.haproxy

FLUX = "kustomize.toolkit.fluxcd.io"
ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
KUSTOMIZATIONS: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"kustomizations.{FLUX}"},
    "spec": {
        "group": FLUX,
        "scope": "Namespaced",
        "names": {"kind": "Kustomization", "plural": "kustomizations"},
        "versions": [
            {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": ANYTHING}}
        ],
    },
}
SITE: dict[str, Any] = {
    "apiVersion": f"{FLUX}/v1",
    "kind": "Kustomization",
    "metadata": {"name": "site", "namespace": "shop"},
    "spec": {"interval": "10m", "path": "./site"},
}


@pytest.fixture(scope="module")
def blue(lab_assets: Assets, test_data: Path) -> Iterator[StandingBlue]:
    """The blue of this module, with something of Flux that a move pauses."""
    for program in ("socat", "curl"):
        if shutil.which(program) is None:
            absent(f"{program} is not installed (apt-get install {program})")
    with standing_blue(lab_assets, test_data) as started:
        with real.door(started.plane, Side.BLUE) as cluster:
            real.put(cluster, [KUSTOMIZATIONS])
        started.plane.wait_until("Flux's kind is served", lambda: site_put(started.plane))
        yield started
        real_looks.must_be(site(started.plane), SITE["spec"])


def site_put(plane: ControlPlane) -> bool:
    """Put the Kustomization, once its kind is served."""
    plane.api.create(f"/apis/{FLUX}/v1/namespaces/shop/kustomizations", SITE)
    return True


def site(plane: ControlPlane) -> dict[str, Any]:
    """What the Kustomization says."""
    plane.api.close()
    found = plane.api.get(f"/apis/{FLUX}/v1/namespaces/shop/kustomizations/site")
    spec: dict[str, Any] = found["spec"]
    return spec


class Hand:
    """A person with the printed sheet of a move: bash, kubectl, socat, curl, and no cnimigrate."""

    def __init__(self, move: real.Move) -> None:
        move.must("runbook", "--dir", "printed")
        text = (move.folder / "printed" / move.name / "without-the-tool.md").read_text()
        parts = re.split(r"^## (\d)\..*$", text, flags=re.MULTILINE)
        self._blocks: dict[str, list[list[str]]] = {
            number: [block.strip().splitlines() for block in re.findall(r"```sh\n(.*?)```", part, re.DOTALL)]
            for number, part in zip(parts[1::2], parts[2::2], strict=True)
        }
        self._path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    def turns_the_traffic_back(self) -> None:
        """Section 1: the weights, and what must be seen after them."""
        back, check, *_ = self._blocks["1"]
        self._types(back)
        for line in check:
            said = self._said(line)
            wanted = line.rpartition("# ")[2]
            if wanted.isdigit():
                assert said.split()[0] == wanted, (line, said)
            elif wanted == "blue is UP":
                assert {"b1,UP", "b2,UP"} <= set(said.split()), (line, said)
            else:
                assert said.strip() == "200", (line, said)

    def moves_back_what_runs_once(self) -> list[str]:
        """Section 2: looks, then types; the lines that were typed."""
        look, lines = self._blocks["2"]
        for line in look:
            self._said(line, missing=True)
        self._types(lines)
        return lines

    def nothing_runs_once(self) -> bool:
        """Whether section 2 has nothing to type."""
        return not self._blocks["2"]

    def resumes(self) -> None:
        """Section 3: what was paused on blue."""
        (lines,) = self._blocks["3"]
        self._types(lines)

    def _types(self, lines: Sequence[str]) -> None:
        for line in lines:
            end = time.monotonic() + 60
            while self._said(line) and line.endswith("# until it prints nothing"):
                assert time.monotonic() < end, line
                time.sleep(0.2)

    def _said(self, line: str, *, missing: bool = False) -> str:
        """Type one line; what it prints. Only where an object may be `missing` may it complain."""
        done = subprocess.run(
            ["bash", "-c", line],
            env={**os.environ, "PATH": self._path},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert not done.stderr or (missing and "NotFound" in done.stderr), (line, done.stderr)
        return done.stdout.strip()


def test_the_sheet_puts_all_traffic_back_in_the_middle_of_a_ramp(
    blue: StandingBlue, green: ControlPlane, balancer: Balancer, tmp_path: Path
) -> None:
    """At 50 % the tool is gone: the lines bring the weights and what was paused back; of writers none had moved."""
    move = blue.move(tmp_path, green, balancer)
    file = real.migration(move, blue.data)
    file["gates"]["before-full"] = "approval"
    real.write_file(move, file)
    move.go(code=20)
    assert move.green_share() == 50
    assert site(blue.plane)["suspend"] is True
    hand = Hand(move)
    hand.turns_the_traffic_back()
    assert move.green_share() == 0
    assert hand.nothing_runs_once()
    sheet = (tmp_path / "printed" / move.name / "without-the-tool.md").read_text()
    assert "Deployment shop/ledger" in sheet
    assert "Nothing moves that runs only once" not in sheet
    hand.resumes()
    assert site(blue.plane) == SITE["spec"]
    assert real_looks.application(blue.plane) == blue.before


@pytest.mark.parametrize(
    "point",
    [
        pytest.param(Point("cutover.writers", "patch blue", 3), id="going off on blue"),
        pytest.param(
            Point("cutover.writers", "create green"), id="going on on green", marks=pytest.mark.slow
        ),
    ],
)
def test_the_sheet_brings_back_what_was_moving(
    point: Point, blue: StandingBlue, green: ControlPlane, balancer: Balancer, tmp_path: Path
) -> None:
    """Killed among the writers, acts in doubt: typed, they are off on green and on on blue; a rollback agrees."""
    move = blue.move(tmp_path, green, balancer)
    move.kill_at(point)
    assert move.green_share() == 100
    hand = Hand(move)
    hand.turns_the_traffic_back()
    assert move.green_share() == 0
    typed = hand.moves_back_what_runs_once()
    assert any("patch deployment.apps ledger" in line for line in typed)
    hand.resumes()
    assert real_looks.application(blue.plane) == blue.before
    assert site(blue.plane) == SITE["spec"]
    there = real_looks.application(green)
    assert there["deployments/ledger"]["spec"]["replicas"] == 0
    assert "cronjobs/report" not in there
    move.must("rollback", "--accept-data-loss")
    real_looks.as_before(move, blue.before)
    assert site(blue.plane) == SITE["spec"]
