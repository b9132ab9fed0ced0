"""What the lab promises to the tests that stand on it, held against real control planes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from tests.lab.api import Api
from tests.lab.assets import Assets
from tests.lab.components import Spec
from tests.lab.control_plane import ControlPlane
from tests.lab.errors import ApiError, ApiUnreachable, ComponentFailed
from tests.lab.fixtures import ControlPlaneFactory, need
from tests.lab.nodes import is_ready

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
Pair = tuple[ControlPlane, ControlPlane]


def deployment(name: str, replicas: int) -> dict[str, Any]:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": "registry.invalid/web:1"}]},
            },
        },
    }


def config_map(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": {"key": "value"}}


def refusal(api: Api, method: str, path: str, body: object = None) -> int:
    with pytest.raises(ApiError) as caught:
        api.request(method, path, body)
    return caught.value.status


def test_blue_and_green_have_ready_nodes_in_their_own_ranges(blue_and_green: Pair) -> None:
    """Every node is Ready, and its range of pod addresses lies in its cluster's pod CIDR."""
    for plane in blue_and_green:
        nodes = plane.api.get("/api/v1/nodes")["items"]
        assert len(nodes) == plane.spec.nodes
        assert all(map(is_ready, nodes))
        cidr = ip_network(plane.spec.pod_cidr)
        assert all(ip_network(node["spec"]["podCIDR"]).subnet_of(cidr) for node in nodes)  # type: ignore[arg-type]


def test_a_deployment_rolls_out_with_addresses_of_its_nodes(blue_and_green: Pair) -> None:
    """Pods of a Deployment turn Ready, each with an address from the range of the node it is on."""
    blue, _ = blue_and_green
    path = "/apis/apps/v1/namespaces/default/deployments"
    blue.api.create(path, deployment("rolls-out", replicas=6))

    def rolled_out() -> bool:
        return bool(blue.api.get(f"{path}/rolls-out")["status"].get("readyReplicas") == 6)

    blue.wait_until("six ready replicas", rolled_out)
    pods = blue.api.get("/api/v1/namespaces/default/pods?labelSelector=app%3Drolls-out")["items"]
    ranges = {n["metadata"]["name"]: n["spec"]["podCIDR"] for n in blue.api.get("/api/v1/nodes")["items"]}
    for pod in pods:
        assert ip_address(pod["status"]["podIP"]) in ip_network(ranges[pod["spec"]["nodeName"]])
    blue.api.delete(f"{path}/rolls-out")


def test_the_limited_user_reads_and_may_not_write(blue_and_green: Pair) -> None:
    """The limited kubeconfig lists nodes and is refused a write with 403."""
    with Api.from_kubeconfig(blue_and_green[0].limited_kubeconfig) as api:
        assert api.get("/api/v1/nodes")["items"]
        assert refusal(api, "POST", CONFIG_MAPS, config_map("never")) == 403


def test_a_user_has_the_rules_it_was_given_and_no_others(blue_and_green: Pair) -> None:
    """A kubeconfig made with rules may do what they say, and nothing beside that."""
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]}]
    with Api.from_kubeconfig(blue_and_green[0].kubeconfig_with_rules("creator", rules)) as api:
        assert api.create(CONFIG_MAPS, config_map("by-rule"))["metadata"]["name"] == "by-rule"
        assert refusal(api, "GET", CONFIG_MAPS) == 403


def test_a_bad_token_is_refused(blue_and_green: Pair) -> None:
    """A kubeconfig with an unknown token gets 401, not the rights of an anonymous user."""
    with Api.from_kubeconfig(blue_and_green[0].kubeconfig_with_bad_token()) as api:
        assert refusal(api, "GET", "/version") == 401


def test_the_admin_is_subject_to_priority_and_fairness(blue_and_green: Pair) -> None:
    """The admin may do everything without being in system:masters, which is exempt from throttling."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    with Api.from_kubeconfig(blue_and_green[0].kubeconfig) as api:
        user = api.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", review)["status"]["userInfo"]
        assert "system:masters" not in user["groups"]
        assert api.get("/api/v1/secrets")["kind"] == "SecretList"


def test_certificates_are_verified(blue_and_green: Pair) -> None:
    """Green does not pass for blue: a client with blue's certificate refuses to talk to green."""
    blue, green = blue_and_green
    with Api.from_kubeconfig(blue.kubeconfig) as api:
        api.port = green.port
        with pytest.raises(ApiUnreachable, match="CERTIFICATE_VERIFY_FAILED"):
            api.get("/version")


def test_writes_of_the_admin_are_on_record(control_plane_factory: ControlPlaneFactory) -> None:
    """The record holds each write of the admin, refused and dry ones too, and no reads."""
    plane = control_plane_factory(Spec("audited", nodes=0))
    with Api.from_kubeconfig(plane.kubeconfig) as api:
        api.get("/api/v1/nodes")
        assert plane.writes() == []
        api.create(f"{CONFIG_MAPS}?dryRun=All", config_map("dry"))
        assert refusal(api, "DELETE", f"{CONFIG_MAPS}/absent") == 404
    assert [event["verb"] for event in plane.writes()] == ["create", "delete"]
    assert "dryRun=All" in plane.writes()[0]["requestURI"]


def test_data_outlive_the_api_server(control_plane_factory: ControlPlaneFactory) -> None:
    """An API server that was killed comes back on its port with its data, for the same kubeconfig."""
    plane = control_plane_factory(Spec("restarted", nodes=1))
    with Api.from_kubeconfig(plane.kubeconfig) as api:
        api.create(CONFIG_MAPS, config_map("kept"))
        with plane.api_server_down(), pytest.raises(ApiUnreachable):
            api.get(CONFIG_MAPS)
        assert api.get(f"{CONFIG_MAPS}/kept")["data"] == {"key": "value"}
        plane.restart_api_server()
    plane.stop_api_server(patience=2)
    plane.restart_api_server()
    assert plane.api.get(f"{CONFIG_MAPS}/kept")["data"] == {"key": "value"}


def test_a_paused_api_server_hangs_and_goes_on(control_plane_factory: ControlPlaneFactory) -> None:
    """A stopped API server answers nothing until it is let go on."""
    plane = control_plane_factory(Spec("paused", nodes=0))
    with Api.from_kubeconfig(plane.kubeconfig, timeout=0.5) as api:
        with plane.api_server_paused(), pytest.raises(ApiUnreachable, match="timed out"):
            api.get("/version")
        assert api.get("/version")["gitVersion"].startswith("v1.")


def test_a_program_that_fails_is_named_with_its_log(control_plane_factory: ControlPlaneFactory) -> None:
    """A wrong setting ends in an error that names the program and quotes what it said."""
    with pytest.raises(
        ComponentFailed, match=r"(?s)kube-apiserver of control plane wrong: .*service cluster IP range"
    ):
        control_plane_factory(Spec("wrong", service_cidr="10.0.0.0/31", nodes=0))


def test_etcd_and_the_api_server_alone_are_enough(lab_assets: Assets, tmp_path: Path) -> None:
    """With two programs there are no nodes, yet objects can be kept, pods too."""
    for name in ("etcd", "kube-apiserver"):
        (tmp_path / name).symlink_to(lab_assets.program(name))
    pod = {
        "metadata": {"name": "kept"},
        "spec": {"containers": [{"name": "c", "image": "registry.invalid/c:1"}]},
    }
    with ControlPlane(Spec("small"), Assets(tmp_path)) as plane:
        assert not plane.whole
        plane.api.create("/api/v1/namespaces/default/pods", pod)
        assert plane.api.get("/api/v1/nodes")["items"] == []


@pytest.mark.lab
def test_programs_die_with_a_parent_that_is_killed(lab_assets: Assets, tmp_path: Path) -> None:
    """A test run that is killed leaves no control plane behind."""
    need(lab_assets, "kwok")
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from tests.lab.assets import locate\n"
        "from tests.lab.components import Spec\n"
        "from tests.lab.control_plane import ControlPlane, start_all\n"
        f"plane = ControlPlane(Spec('orphan', nodes=0), locate(), Path({str(tmp_path / 'plane')!r}))\n"
        "start_all([plane])\n"
        "print(*plane.pids(), flush=True)\n"
        "time.sleep(60)\n"
    )
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=root, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 5
        assert all(map(exists, pids))
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(map(exists, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(exists, pids))


def exists(pid: int) -> bool:
    """Say whether a process runs; one that nobody has waited for yet (a zombie) does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
