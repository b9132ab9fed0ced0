"""The command line as a person uses it: arguments in, exit code and both streams out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from migrate.cli.app import main
from migrate.doors.cluster import Verb, Write
from migrate.kube.connect import connect
from migrate.model.ids import Side
from tests.lab.assets import Assets
from tests.lab.control_plane import ControlPlane
from tests.lab.fixtures import need
from tests.lab.pairs import BLUE

ROOT = Path(__file__).resolve().parents[2]
PLANS = ROOT / "plans"
CANARY = "canary-7c1d-must-never-be-seen"
CANARY_ENCODED = "Y2FuYXJ5LTdjMWQtbXVzdC1uZXZlci1iZS1zZWVu"


@dataclass(frozen=True)
class Said:
    """How a command left, and what it said on either stream."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        """Both streams."""
        return self.out + self.err

    @property
    def document(self) -> dict[str, Any]:
        """What `-o json` or `-o yaml` printed."""
        found: dict[str, Any] = yaml.safe_load(self.out)
        return found


Cli = Callable[..., Said]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Call the program in this process: `cli("plan", "demo.yaml")`."""

    def call(*argv: object) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(a) for a in argv])
        out, err = capsys.readouterr()
        code = left.value.code
        assert isinstance(code, int)
        return Said(code, out, err)

    return call


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """The demonstration's migration file, alone in a directory."""
    return Path(shutil.copy(PLANS / "demo.yaml", tmp_path / "demo.yaml"))


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    """The demonstration without gates to wait at, and with a soak of a minute."""
    text = (PLANS / "demo.yaml").read_text(encoding="utf-8")
    text = text.replace("approval", "auto").replace("soak: 7d", "soak: 1m")
    file = tmp_path / "quick.yaml"
    file.write_text(text.replace("gates:", "gates:\n  before-replay: auto"), encoding="utf-8")
    return file


def simulated(directory: Path, recorded: str, *, network: str = "", name: str = "try") -> Path:
    """Write a migration file for a recorded blue (YAML text); `network` is green's, in flow style."""
    (directory / f"{name}.blue.yaml").write_text(recorded, encoding="utf-8")
    file = directory / f"{name}.yaml"
    ranges = f"\n  network: {network}" if network else ""
    file.write_text(
        "apiVersion: cnimigrate/v1\nkind: Migration\n"
        f"metadata: {{name: {name}}}\nblue: {{simulated: {name}.blue.yaml}}\n"
        f"green:\n  provisioner: {{kind: simulated}}{ranges}\ncutover: {{kind: simulated}}\n",
        encoding="utf-8",
    )
    return file


def canary_secret() -> dict[str, Any]:
    """A Secret whose value stands in its data and, as kubectl leaves it, in annotations."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "canary",
            "namespace": "default",
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": f'{{"stringData":{{"word":"{CANARY}"}}}}',
                "example/copy": f"it is {CANARY}",
                "example/plain": "nothing secret",
            },
        },
        "type": "Opaque",
        "data": {"word": CANARY_ENCODED},
    }


def recorded(name: str, *more: dict[str, Any]) -> str:
    """A recorded blue of `plans/`, with further objects."""
    text = (PLANS / f"{name}.blue.yaml").read_text(encoding="utf-8")
    return "\n---\n".join([text, *(yaml.safe_dump(obj) for obj in more)])


@pytest.fixture(scope="module")
def weave_plane(lab_assets: Assets, test_data: Path) -> Iterator[ControlPlane]:
    """A real control plane with Weave Net's published manifest on it, and the canary Secret."""
    need(lab_assets, "kube-controller-manager", "kube-scheduler", "kwok")
    with ControlPlane(BLUE, lab_assets) as plane:
        manifest = test_data / "manifests/weave-v2.8.1/weave-daemonset-k8s-1.11.yaml"
        objects = [o for d in yaml.safe_load_all(manifest.read_text(encoding="utf-8")) for o in _items(d)]
        _apply(plane, [*objects, canary_secret()])
        plane.wait_until("weave-net Ready", lambda: _ready(plane), within=60.0)
        yield plane


def _items(document: dict[str, Any] | None) -> list[dict[str, Any]]:
    if not document:
        return []
    return list(document["items"]) if document["kind"] == "List" else [document]


def _apply(plane: ControlPlane, objects: list[dict[str, Any]]) -> None:
    """Create as the member of system:masters, so that the admin's audit log stays empty."""
    with connect(plane.setup_kubeconfig, None, Side.BLUE) as cluster:
        served = {(r.api_version, r.kind): r for r in cluster.resources()}
        for obj in objects:
            metadata = obj["metadata"]
            resource = served[obj["apiVersion"], obj["kind"]]
            cluster.write(
                Write(Verb.CREATE, resource, metadata["name"], metadata.get("namespace", ""), body=obj)
            )


def _ready(plane: ControlPlane) -> bool:
    status = plane.api.get("/apis/apps/v1/namespaces/kube-system/daemonsets/weave-net")["status"]
    return bool(status.get("numberReady", 0) >= plane.spec.nodes)
