"""What goes wrong in a real move: each trouble gets its exit code and its words, and the move goes on after it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cutovers.haproxy_fixture import Balancer, wait_until
from tests.lab.api import Api
from tests.lab.control_plane import ControlPlane
from tests.lab.errors import ApiError
from tests.lab.fixtures import ControlPlaneFactory
from tests.scenario import real, real_looks
from tests.scenario.real import Point
from tests.scenario.standing_blue import StandingBlue

pytestmark = pytest.mark.haproxy

REPLAYING = Point("replay.objects", "create green NetworkPolicy")
NAMESPACE = "/api/v1/namespaces/shop"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def test_green_that_is_blue_is_found_before_anything_is_done(
    blue: StandingBlue, balancer: Balancer, tmp_path: Path
) -> None:
    """Another kubeconfig of the same cluster is told by the cluster's own identity."""
    other = tmp_path / "other.kubeconfig"
    shutil.copyfile(blue.plane.kubeconfig, other)
    move = blue.move(tmp_path, blue.plane, balancer)
    file = real.migration(move, blue.data)
    file["green"]["provisioner"]["kubeconfig"] = str(other)
    real.write_file(move, file)
    written = len(real_looks.persisted(blue.plane))
    assert "IDENT-001" in move.must("assess", code=30)
    assert len(real_looks.persisted(blue.plane)) == written
    move.go(code=30)
    assert {w.partition("/leases")[1] for w in real_looks.persisted(blue.plane)[written:]} == {"/leases"}


def test_credentials_that_ran_out_and_another_cluster_are_refused_on_the_way(
    blue: StandingBlue,
    green: ControlPlane,
    balancer: Balancer,
    control_plane_factory: ControlPlaneFactory,
    tmp_path: Path,
) -> None:
    """Exit 30 for a token that is not known any more, 50 for a kubeconfig that leads elsewhere; then it goes on."""
    mine = tmp_path / "green.kubeconfig"
    shutil.copyfile(green.kubeconfig, mine)
    move = blue.move(tmp_path, green, balancer)
    file = real.migration(move, blue.data)
    file["green"]["provisioner"]["kubeconfig"] = str(mine)
    real.write_file(move, file)
    move.go("--until", "build")
    shutil.copyfile(green.kubeconfig_with_bad_token(), mine)
    assert "401" in (said := move.go(code=30)) or "Unauthorized" in said or "credentials" in said
    elsewhere = control_plane_factory(real.GREEN)
    shutil.copyfile(elsewhere.kubeconfig, mine)
    assert "another cluster" in move.go(code=50)
    assert real_looks.persisted(elsewhere) == []
    shutil.copyfile(green.kubeconfig, mine)
    move.go("--until", "replay")
    assert set(real_looks.application(green)) == set(blue.before) - {"cronjobs/report"}


def test_blue_that_is_another_cluster_on_the_way_is_refused(
    blue: StandingBlue, green: ControlPlane, balancer: Balancer, tmp_path: Path
) -> None:
    """The journal pins blue: a kubeconfig that leads to a cluster without a CNI of ours is exit 50, not 12."""
    mine = tmp_path / "blue.kubeconfig"
    shutil.copyfile(blue.plane.kubeconfig, mine)
    move = blue.move(tmp_path, green, balancer, blue={"kubeconfig": str(mine)})
    move.go("--until", "prepare")
    shutil.copyfile(green.kubeconfig, mine)
    assert "another cluster" in move.go(code=50)
    shutil.copyfile(blue.plane.kubeconfig_with_bad_token(), mine)
    move.go(code=30)
    shutil.copyfile(blue.plane.kubeconfig, mine)
    move.go("--until", "prepare")


def test_the_second_operator_is_told_who_holds_the_move(
    blue: StandingBlue, green: ControlPlane, balancer: Balancer, tmp_path: Path
) -> None:
    """By the local lock in the same state directory, by the Lease from a copy of it; the first one goes on."""
    move = blue.move(tmp_path, green, balancer)
    file = real.migration(move, blue.data)
    file["cutover"]["pause"] = "30s"
    file["gates"]["before-replay"] = (
        "approval"  # there it waits: later, green's marks would be told before the Lease
    )
    real.write_file(move, file)
    first = move.start("run", "--yes", "--wait", "--no-rehearsal", "rehearsed by a test of its own")
    move.wait_for(first, Point("build.calico", count=5))
    said = move.must("run", "--yes", code=40)
    assert f"process {first.process.pid}" in said
    assert "since" in said
    there = tmp_path.with_name(f"{tmp_path.name}-copy")
    there.mkdir()
    shutil.copy(tmp_path / "migration.yaml", there)
    second = real.Move(there, move.blue, green, move.balancer, move.name)
    said = second.must("run", "--yes", "--no-rehearsal", "a second machine", code=40)
    assert f":{first.process.pid}" in said
    assert "since" in said
    assert first.process.poll() is None
    move.until("approve", "all/before-replay", "--by", "ana")  # Calico is on its way yet
    move.wait_for(first, Point("cutover.ramp", "watch shop at 5 %"), within=180)
    first.process.terminate()
    assert first.end().code == 130
    move.must("rollback", "--to", "verify")


@pytest.mark.parametrize("alive", [True, False], ids=["alive", "dead"])
def test_an_abort_puts_the_traffic_back_at_once(
    alive: bool, blue: StandingBlue, green: ControlPlane, balancer: Balancer, tmp_path: Path
) -> None:
    """With the runner alive, which is fenced, and with one that was killed at a weight; long before the pause is over."""
    move = blue.move(tmp_path, green, balancer)
    file = real.migration(move, blue.data)
    file["cutover"]["pause"] = "10m"
    real.write_file(move, file)
    runner = move.going()
    move.wait_for(runner, Point("cutover.ramp", "watch shop at 5 %"))
    assert move.green_share() == 5
    if not alive:
        runner.kill()
    abort = move.start("abort")
    wait_until(lambda: move.green_share() == 0, "all the traffic on blue", seconds=90)
    assert abort.end().code == 0
    if alive:
        assert runner.end().code == 41
    assert move.green_share() == 0
    move.must("status")
    move.must("rollback", "--to", "verify")
    assert move.green_share() == 0


def test_an_api_server_that_dies_in_the_replay_is_waited_for_by_a_person(
    blue: StandingBlue, green: ControlPlane, balancer: Balancer, tmp_path: Path
) -> None:
    """Killed among the writes: exit 32, since acts were under way; once it is back the same command goes on."""
    move = blue.move(tmp_path, green, balancer)
    runner = move.going()
    move.wait_for(runner, REPLAYING)
    green.kill_api_server()
    assert runner.end(180).code == 32
    green.restart_api_server()
    move.go("--until", "replay")  # the controllers themselves may need a minute to come back
    assert set(real_looks.application(green)) == set(blue.before) - {"cronjobs/report"}


@pytest.mark.slow
def test_an_api_server_that_hangs_in_the_replay_runs_into_the_deadline(
    blue: StandingBlue, green: ControlPlane, balancer: Balancer, tmp_path: Path
) -> None:
    """Stopped by SIGSTOP: no answer within the deadline is exit 32 as well, and nothing is done twice after."""
    move = blue.move(tmp_path, green, balancer)
    runner = move.going()
    move.wait_for(runner, REPLAYING)
    with green.api_server_paused():
        assert runner.end(280).code == 32
    move.go("--until", "replay")
    assert set(real_looks.application(green)) == set(blue.before) - {"cronjobs/report"}


def test_a_missing_right_stops_the_replay_and_is_mended_by_granting_it(
    blue: StandingBlue, green: ControlPlane, balancer: Balancer, tmp_path: Path
) -> None:
    """A reader is refused by assess; who may write all but Services stops there with the kind's name."""
    move = blue.move(tmp_path, green, balancer)
    file = real.migration(move, blue.data)
    file["green"]["provisioner"]["kubeconfig"] = str(green.limited_kubeconfig)
    real.write_file(move, file)
    assert "create deployments.apps" in move.must("assess", code=30)
    verbs = ["create", "update", "patch", "delete"]
    groups = {g["name"] for g in green.api.get("/apis")["groups"]}
    core = {r["name"] for r in green.api.get("/api/v1")["resources"]} - {"services"}
    rules: list[dict[str, Any]] = [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch", "bind", "escalate"]},
        {"apiGroups": [*sorted(groups), "crd.projectcalico.org"], "resources": ["*"], "verbs": verbs},
        {"apiGroups": [""], "resources": sorted(core), "verbs": verbs},
        {"nonResourceURLs": ["*"], "verbs": ["get"]},
    ]
    mover = green.kubeconfig_with_rules("mover", rules)
    file["green"]["provisioner"]["kubeconfig"] = str(mover)
    real.write_file(move, file)
    said = move.go(code=30)
    assert "Service shop/" in said
    assert "403" in said or "forbidden" in said.lower()
    role = "/apis/rbac.authorization.k8s.io/v1/clusterroles/mover"
    rules[2]["resources"] = ["*"]
    green.api.patch(role, {"rules": rules})
    review = {"spec": {"resourceAttributes": {"verb": "create", "resource": "services", "namespace": "shop"}}}
    with Api.from_kubeconfig(mover) as user:
        green.wait_until("the authorizer knows", lambda: user.create(REVIEWS, review)["status"]["allowed"])
    move.go("--until", "verify")
    assert set(real_looks.application(green)) == set(blue.before) - {"cronjobs/report"}


def test_what_is_not_ours_stands_in_the_way_until_a_person_takes_it_away(
    blue: StandingBlue, green: ControlPlane, balancer: Balancer, tmp_path: Path
) -> None:
    """A foreign namespace is exit 33 and stays untouched; stuck terminating it is exit 30; gone, the move goes on."""
    move = blue.move(tmp_path, green, balancer)
    move.go("--until", "build")
    green.api.close()
    green.api.create("/api/v1/namespaces", {"metadata": {"name": "shop", "labels": {"team": "other"}}})
    account = f"{NAMESPACE}/configmaps"
    green.api.create(account, {"metadata": {"name": "stuck", "finalizers": ["example.com/held"]}})
    assert "is not from this run" in move.go(code=33)
    green.api.delete(NAMESPACE)
    green.wait_until(
        "the namespace says what holds it",
        lambda: "example.com/held" in json.dumps(green.api.get(NAMESPACE)["status"]),
    )
    said = move.go(code=30)
    assert "is being deleted" in said
    assert "example.com/held" in said
    assert green.api.get(NAMESPACE)["metadata"]["labels"]["team"] == "other"
    green.api.patch(f"{account}/stuck", {"metadata": {"finalizers": None}})
    green.wait_until("the namespace is gone", lambda: _gone(green, NAMESPACE))
    move.go("--until", "replay")
    assert set(real_looks.application(green)) == set(blue.before) - {"cronjobs/report"}


def _gone(plane: ControlPlane, path: str) -> bool:
    try:
        plane.api.get(path)
    except ApiError as error:
        return error.status == 404
    return False
