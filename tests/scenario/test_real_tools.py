"""The tools that made the objects of blue go on with them on green: Helm with its release, kubectl with its manifests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab.assets import Assets
from tests.lab.control_plane import ControlPlane
from tests.lab.fixtures import ControlPlaneFactory, need
from tests.scenario import real, real_looks
from tests.scenario.asking import stands

pytestmark = pytest.mark.haproxy

SPACE = "charted"
MAPS = f"/api/v1/namespaces/{SPACE}/configmaps"

CHART = {
    "Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\n",
    "values.yaml": "greeting: one\nextra: true\ntoken: none\n",
    "templates/settings.yaml": """\
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {greeting: "{{ .Values.greeting }}"}
---
apiVersion: v1
kind: Secret
metadata: {name: web}
stringData: {token: "{{ .Values.token }}"}
{{- if .Values.extra }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web-extra}
data: {a: b}
{{- end }}
""",
    "templates/web.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: main
        image: registry.example/web:1
        env: [{name: GREETING, value: "{{ .Values.greeting }}"}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web}
spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress], ingress: [{ports: [{port: 80}]}]}
""",
}


PIPELINE = "kustomize-controller"
"""The field manager of what applies on the server's side."""


class Hand:
    """A person with Helm and kubectl, a chart and a manifest."""

    def __init__(self, folder: Path, assets: Assets) -> None:
        self.folder = folder
        self._helm = str(assets.program("helm"))
        self._kubectl = str(Path(sys.executable).with_name("kubectl"))
        homes = {f"HELM_{what}_HOME": str(folder / what.lower()) for what in ("CACHE", "CONFIG", "DATA")}
        self._env = {**os.environ, **homes}
        for name, text in CHART.items():
            path = folder / "chart" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def helm(self, plane: ControlPlane, *words: str) -> str:
        """Run Helm in the chart's namespace."""
        return self._said(self._helm, "--kubeconfig", str(plane.kubeconfig), "--namespace", SPACE, *words)

    def upgrade(self, plane: ControlPlane, **values: str) -> None:
        """Upgrade the release, or install it; what is not said stays as it was."""
        said = [word for key, value in values.items() for word in ("--set", f"{key}={value}")]
        flags = ("--install", "--create-namespace", "--reuse-values")
        self.helm(plane, "upgrade", "web", str(self.folder / "chart"), *flags, *said)

    def releases(self, plane: ControlPlane) -> list[tuple[str, str, str]]:
        """What Helm lists, each with its revision and status."""
        listed = json.loads(self.helm(plane, "list", "-o", "json"))
        return [(each["name"], each["revision"], each["status"]) for each in listed]

    def applies(self, plane: ControlPlane, maps: dict[str, dict[str, str]]) -> None:
        """Have kubectl apply ConfigMaps of one label, and prune what else has that label."""
        labels = {"part-of": "page"}
        path = self.folder / "page.yaml"
        documents = [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": name, "labels": labels},
                "data": data,
            }
            for name, data in maps.items()
        ]
        path.write_text(yaml.safe_dump_all(documents))
        prune = ("--prune", "-l", "part-of=page", "--prune-allowlist", "core/v1/ConfigMap")
        place = ("--kubeconfig", str(plane.kubeconfig), "--namespace", SPACE)
        self._said(self._kubectl, *place, "apply", "-f", str(path), *prune)

    def reconciles(self, plane: ControlPlane, **data: str) -> None:
        """Have kubectl apply a ConfigMap on the server's side without force, as a pipeline of its own does."""
        path = self.folder / "kept.json"
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}, "data": data}
        path.write_text(json.dumps(body))
        place = ("--kubeconfig", str(plane.kubeconfig), "--namespace", SPACE)
        self._said(
            self._kubectl, *place, "apply", "--server-side", "--field-manager", PIPELINE, "-f", str(path)
        )

    def _said(self, *argv: str) -> str:
        done = subprocess.run(argv, env=self._env, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, (argv, done.stderr)
        return done.stdout


@pytest.fixture
def hand(lab_assets: Assets, tmp_path: Path) -> Hand:
    """A person whose files lie apart from the move's."""
    need(lab_assets, "helm")
    return Hand(tmp_path / "hand", lab_assets)


@pytest.fixture
def move(
    hand: Hand, control_plane_factory: ControlPlaneFactory, test_data: Path, tmp_path: Path
) -> Iterator[real.Move]:
    """A move that was not begun; a release in its second revision and a manifest stand on its blue."""
    folder = tmp_path / "move"
    folder.mkdir()
    with real.ready(control_plane_factory, test_data, folder) as move:
        file = real.migration(move, test_data)
        # how the traffic moves is no matter here: one weight, and few samples
        file["cutover"] |= {
            "ramp": [100],
            "minSamples": 10,
            "abort": {"errorRate": "40%", "latencyP99": "50x"},
        }
        real.write_file(move, file)
        hand.upgrade(move.blue, token=real.CANARY)
        hand.upgrade(move.blue, greeting="two")
        hand.applies(move.blue, {"page": {"a": "1", "b": "1"}, "gone": {"a": "1"}})
        hand.reconciles(move.blue, colour="red", size="1")
        yield move


def data_of(plane: ControlPlane, name: str) -> dict[str, Any] | None:
    """What a ConfigMap of the namespace holds; None where there is none."""
    plane.api.close()
    path = f"{MAPS}/{name}"
    return plane.api.get(path)["data"] if stands(plane, path) else None


def greeting(plane: ControlPlane) -> str:
    """What the release's Deployment greets with."""
    web = plane.api.get(f"/apis/apps/v1/namespaces/{SPACE}/deployments/web")
    return str(web["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"])


def test_helm_and_kubectl_go_on_with_what_they_made(move: real.Move, hand: Hand) -> None:
    """The release is listed, upgraded, pruned and rolled back on green; kubectl takes away what its manifest gave up."""
    manifest = hand.helm(move.blue, "get", "manifest", "web")
    history = json.loads(hand.helm(move.blue, "history", "web", "-o", "json"))
    move.go()
    green = move.green
    assert hand.releases(green) == [("web", "2", "deployed")]
    assert hand.helm(green, "get", "manifest", "web") == manifest
    assert json.loads(hand.helm(green, "history", "web", "-o", "json")) == history
    assert (data_of(green, "web"), greeting(green)) == ({"greeting": "two"}, "two")

    hand.upgrade(green, greeting="three", extra="false")
    assert hand.releases(green) == [("web", "3", "deployed")]
    assert (data_of(green, "web"), greeting(green)) == ({"greeting": "three"}, "three")
    assert data_of(green, "web-extra") is None

    hand.helm(green, "rollback", "web", "2")
    assert hand.releases(green) == [("web", "4", "deployed")]
    assert (data_of(green, "web"), greeting(green)) == ({"greeting": "two"}, "two")
    assert data_of(green, "web-extra") == {"a": "b"}

    hand.applies(green, {"page": {"a": "2"}})
    assert data_of(green, "page") == {"a": "2"}
    assert data_of(green, "gone") is None

    hand.reconciles(green, colour="blue")
    assert data_of(green, "kept") == {"colour": "blue"}
    green.api.close()
    kept = green.api.get(f"{MAPS}/kept")["metadata"]["managedFields"]
    assert {entry["manager"] for entry in kept} == {PIPELINE}
    assert real_looks.marks(green) == []
    assert real_looks.leaks(move.written()) == []
