"""The end-to-end run against kind clusters; needs a Docker daemon and the optional extra `kind`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

RANGES = {"blue": ("10.244.0.0/16", "10.96.0.0/16"), "green": ("10.48.0.0/16", "10.112.0.0/16")}


def config(side: str, folder: Path) -> Path:
    """Write kind's configuration of a cluster without a network of its own."""
    pods, services = RANGES[side]
    networking = {"disableDefaultCNI": True, "podSubnet": pods, "serviceSubnet": services}
    file = folder / f"{side}.yaml"
    content = {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "networking": networking}
    file.write_text(yaml.safe_dump(content))
    return file


def docker_runs() -> bool:
    """Whether a Docker daemon answers."""
    docker = shutil.which("docker")
    return (
        bool(docker)
        and subprocess.run([str(docker), "info"], capture_output=True, check=False).returncode == 0
    )


@pytest.fixture
def clusters(tmp_path: Path, test_data: Path) -> Iterator[tuple[Any, Any]]:
    """Blue with Flannel and green without a network, both by kind."""
    if not docker_runs():
        pytest.skip("no Docker daemon runs on this machine")
    pytest_kind = pytest.importorskip(
        "pytest_kind", reason="pytest-kind is not installed: pip install -e .[kind]"
    )
    blue, green = pytest_kind.KindCluster("cnimigrate-blue"), pytest_kind.KindCluster("cnimigrate-green")
    try:
        blue.create(config("blue", tmp_path))
        blue.kubectl("apply", "-f", str(test_data / "manifests/flannel-v0.28.9/kube-flannel.yml"))
        green.create(config("green", tmp_path))
        yield blue, green
    finally:
        if not os.environ.get("KEEP_KIND"):
            blue.delete()
            green.delete()


@pytest.mark.kind
@pytest.mark.slow
def test_flannel_moves_to_calico_on_kind(clusters: tuple[Any, Any], tmp_path: Path, test_data: Path) -> None:
    """The program assesses and builds real machines' clusters up to a working Calico on green."""
    blue, green = clusters
    content = {
        "apiVersion": "cnimigrate/v1",
        "kind": "Migration",
        "metadata": {"name": "kind"},
        "blue": {"kubeconfig": str(blue.kubeconfig_path)},
        "green": {
            "provisioner": {"kind": "existing", "kubeconfig": str(green.kubeconfig_path)},
            "network": {"podCIDR": "10.48.0.0/16", "serviceCIDR": "10.112.0.0/16"},
            "calico": {"install": {"from": str(test_data / "manifests/calico-v3.32.1/calico-vxlan.yaml")}},
        },
        "cutover": {"kind": "manual"},
    }
    file = tmp_path / "migration.yaml"
    file.write_text(yaml.safe_dump(content))
    words = ["run", str(file), "--yes", "--no-rehearsal", "a test", "--until", "build"]
    ended = subprocess.run(
        [sys.executable, "-m", "migrate.cli.app", *words], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
