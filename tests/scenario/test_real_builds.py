"""Whole moves onto a green that the run itself builds: by the operator's own program, and with Calico's operator."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from migrate.kube.connect import connect
from migrate.model.ids import Side
from migrate.simulation.calico import StandIn
from tests.cutovers.haproxy_fixture import Balancer
from tests.lab.api import Api
from tests.lab.errors import ApiUnreachable
from tests.lab.fixtures import ControlPlaneFactory
from tests.scenario import real, real_looks

pytestmark = pytest.mark.haproxy

ROOT = Path(__file__).resolve().parents[2]
OPERATOR = ("v1_crd_projectcalico_org.yaml", "tigera-operator.yaml", "custom-resources.yaml")

MAKE = """#!/bin/bash
set -eu
[ -e "$CNIMIGRATE_KUBECONFIG" ] && exit 0
mkdir -p "{folder}"
cd "{root}"
PYTHONPATH=. setsid "{python}" "{hold}" "{folder}" "$CNIMIGRATE_KUBECONFIG" > "{folder}/hold.log" 2>&1 < /dev/null &
holder=$!
until [ -e "$CNIMIGRATE_KUBECONFIG" ]; do
  kill -0 "$holder" 2> /dev/null || {{ cat "{folder}/hold.log"; exit 1; }}
  sleep 0.2
done
"""
HOLD = """
import os, signal, sys
from pathlib import Path
from shutil import copyfile
from tests.lab.assets import locate
from tests.lab.control_plane import ControlPlane
from tests.scenario.real import GREEN

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
folder, kubeconfig = map(Path, sys.argv[1:])
with ControlPlane(GREEN, locate(), folder) as plane:
    (folder / "pid").write_text(str(os.getpid()))
    copyfile(plane.kubeconfig, kubeconfig.with_suffix(".new"))
    kubeconfig.with_suffix(".new").replace(kubeconfig)
    signal.sigwait({signal.SIGTERM})
"""
REMOVE = """#!/bin/bash
set -eu
[ -e "{folder}/pid" ] || exit 0
pid=$(cat "{folder}/pid")
kill -TERM "$pid" 2> /dev/null || exit 0
while kill -0 "$pid" 2> /dev/null; do sleep 0.1; done
"""


def program(path: Path, text: str, folder: Path) -> str:
    """Write one of the operator's programs."""
    path.write_text(
        text.format(folder=folder, root=ROOT, python=sys.executable, hold=path.with_name("hold.py"))
    )
    path.chmod(0o755)
    return str(path)


@dataclass
class Made:
    """The control plane that the operator's program makes: its folder, and the way in of who set it up."""

    folder: Path

    @property
    def setup_kubeconfig(self) -> Path:
        """The kubeconfig of a member of system:masters."""
        return self.folder / "setup.kubeconfig"

    @contextmanager
    def api(self) -> Iterator[Api]:
        """A client of the lab's own."""
        with Api.from_kubeconfig(self.setup_kubeconfig) as client:
            yield client


def test_a_green_that_the_operators_program_makes_is_unmade_by_the_rollback(
    control_plane_factory: ControlPlaneFactory, balancer: Balancer, test_data: Path, tmp_path: Path
) -> None:
    """Nothing is made in the rehearsal; made in the run, moved to, and taken down by the way back; blue is as before."""
    blue = control_plane_factory(real.BLUE)
    real.prepare_blue(blue, test_data, "weave")
    before = real_looks.application(blue)
    made = Made(tmp_path / "plane")
    (tmp_path / "hold.py").write_text(HOLD)
    move = real.Move(tmp_path, blue, blue, balancer)  # green does not exist yet: it is looked at by `made`
    file = real.migration(move, test_data)
    file["green"]["provisioner"] = {
        "kind": "command",
        "create": [program(tmp_path / "make.sh", MAKE, made.folder)],
        "kubeconfig": str(tmp_path / "made.kubeconfig"),
        "destroy": [remove := program(tmp_path / "remove.sh", REMOVE, made.folder)],
    }
    file["green"]["network"] = {"podCIDR": real.GREEN.pod_cidr, "serviceCIDR": real.GREEN.service_cidr}
    real.write_file(move, file)
    try:
        move.must("rehearse")
        assert not made.folder.exists()
        with calico_follows(made):
            move.go()
            with made.api() as client:
                pods = client.get("/api/v1/namespaces/shop/pods")["items"]
                assert len(pods) > 10
                assert {p["status"]["phase"] for p in pods} == {"Running"}
        assert move.green_share() == 100
        assert real_looks.writers(blue) == {"ledger": 0, "report": True}
        with made.api() as client:
            move.must("rollback", "--accept-data-loss")
            with pytest.raises(ApiUnreachable):
                client.get("/version")
        assert move.green_share() == 0
        assert real_looks.application(blue) == before
        assert real_looks.marks(blue) == []
    finally:
        real.Alive([remove], tmp_path, tmp_path / "removed.log").end()


def test_a_move_onto_calico_by_its_operator(
    control_plane_factory: ControlPlaneFactory, test_data: Path, tmp_path: Path
) -> None:
    """Definitions, operator and Installation from a directory; the pool is the planned one, and the move ends as by manifest."""
    source = tmp_path / "calico"
    source.mkdir()
    for name in OPERATOR:
        shutil.copyfile(test_data / "manifests" / "calico-v3.32.1" / name, source / name)
    with real.ready(control_plane_factory, test_data, tmp_path) as move:
        before = real_looks.application(move.blue)
        file = real.migration(move, test_data)
        file["green"]["calico"]["install"] = {"kind": "operator", "from": str(source)}
        real.write_file(move, file)
        move.go("--until", "replay")
        pools = move.green.api.get("/apis/crd.projectcalico.org/v1/ippools")["items"]
        assert [p["spec"]["cidr"] for p in pools] == [real.GREEN.pod_cidr]
        move.go()
        real_looks.at_finish(move, before)


@contextmanager
def calico_follows(made: Made) -> Iterator[None]:
    """Let the stand-in play on a cluster that comes up later."""
    over = threading.Event()

    def follow() -> None:
        while not (made.folder / "pid").exists():
            if over.wait(0.1):
                return
        with connect(made.setup_kubeconfig, None, Side.GREEN) as cluster, StandIn(cluster, 0.3):
            over.wait()

    thread = threading.Thread(target=follow, name="calico-follows")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
