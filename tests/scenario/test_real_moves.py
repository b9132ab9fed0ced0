"""Whole moves on real control planes, behind a real HAProxy, with a client outside that counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cutovers.haproxy_fixture import running
from tests.lab.components import Spec
from tests.lab.fixtures import ControlPlaneFactory
from tests.scenario import real


@pytest.mark.haproxy
@pytest.mark.parametrize("cni", ["weave"])
def test_a_real_blue_moves_to_a_real_green(
    cni: str, control_plane_factory: ControlPlaneFactory, test_data: Path, tmp_path: Path
) -> None:
    """Everything of the application stands on green, traffic is there, and nothing of ours is left."""
    blue = control_plane_factory(Spec("blue", service_cidr="10.96.0.0/16"))
    green = control_plane_factory(
        Spec("green", pod_cidr="10.48.0.0/16", service_cidr="10.112.0.0/16", node_cidr="198.19.0.0/16")
    )
    real.prepare_blue(blue, test_data, cni)
    with running() as balancer, real.calico_plays(green):
        move = real.Move(tmp_path, blue, green, balancer)
        real.write_file(move, real.migration(move, test_data))
        ended = move.run("rehearse")
        print(ended.stdout[-3000:], ended.stderr[-3000:])
        assert ended.returncode == 0
        ended = move.run("run", "--yes")
        print(ended.stdout[-3000:], ended.stderr[-6000:])
        assert ended.returncode == 0
        assert real.CANARY not in move.written() + ended.stdout + ended.stderr
