"""A real control plane, made by a program of the operator's and unmade by another."""

from __future__ import annotations

import sys
from pathlib import Path

from migrate.kube.connect import connect
from migrate.model.action import State
from migrate.model.ids import Side
from migrate.model.migration import ProvisionerSpec
from migrate.provisioners import provisioner
from tests.lab.assets import Assets

HOLD = Path(__file__).with_name("hold.py")
ROOT = Path(__file__).resolve().parents[2]

MAKE = """#!/bin/bash
set -eu
if [ -e "$CNIMIGRATE_KUBECONFIG" ]; then echo "$CNIMIGRATE_NAME stands"; exit 0; fi
mkdir -p "{folder}"
cd "{root}"
PYTHONPATH=. setsid "{python}" "{hold}" "{folder}" "$CNIMIGRATE_KUBECONFIG" > "{folder}/hold.log" 2>&1 < /dev/null &
holder=$!
until [ -e "$CNIMIGRATE_KUBECONFIG" ]; do
  if ! kill -0 "$holder" 2> /dev/null; then cat "{folder}/hold.log"; exit 1; fi
  sleep 0.2
done
echo "$CNIMIGRATE_NAME made"
"""
REMOVE = """#!/bin/bash
set -eu
pid=$(cat "{folder}/pid")
kill -TERM "$pid"
while kill -0 "$pid" 2> /dev/null; do sleep 0.1; done
"""


def program(path: Path, text: str, folder: Path) -> str:
    path.write_text(text.format(folder=folder, root=ROOT, python=sys.executable, hold=HOLD), encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_a_program_makes_a_real_control_plane(lab_assets: Assets, tmp_path: Path) -> None:
    """Absent, made, answering with its own version through the cluster door, made no second time, and gone again."""
    del lab_assets  # the program finds them itself; the fixture skips where there are none
    folder = tmp_path / "plane"
    spec = ProvisionerSpec(
        kind="command",
        create=(program(tmp_path / "make.sh", MAKE, folder),),
        destroy=(program(tmp_path / "remove.sh", REMOVE, folder),),
    )
    green = provisioner(spec, directory=tmp_path / "state", name="lab")
    assert green.observe().state is State.ABSENT
    try:
        green.create(120.0)
        found = green.observe()
        assert (found.state, found.kubeconfig) == (State.DONE, tmp_path / "state" / "green.kubeconfig")
        assert found.kubeconfig is not None
        with connect(found.kubeconfig, None, Side.GREEN) as cluster:
            assert cluster.identity().uid
            assert cluster.identity().version in found.evidence
        green.create(120.0)
        assert (tmp_path / "state" / "green-create.log").read_text(encoding="utf-8") == "lab made\n"
    finally:
        green.destroy(30.0)
    assert green.observe().state is State.ABSENT
