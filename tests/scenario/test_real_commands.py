"""`resolve` and `verify` on real clusters, and a state file that cannot be written in a real move."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cutovers.haproxy_fixture import Balancer
from tests.cutovers.test_haproxy_disk import fill
from tests.engine.mounts import mounted, needs_root
from tests.lab.control_plane import ControlPlane
from tests.lab.lossy import Gate
from tests.scenario import real, real_looks
from tests.scenario.standing_blue import StandingBlue

pytestmark = pytest.mark.haproxy

SHOP = "/api/v1/namespaces/shop"
ACCOUNTS = f"{SHOP}/serviceaccounts"


def test_the_file_settles_what_stands_in_the_way(
    blue: StandingBlue, green: ControlPlane, balancer: Balancer, tmp_path: Path
) -> None:
    """All that is foreign is told at once; a namespace becomes ours, an account stays another's, a third is made anew.

    On the way back the namespace stands as the other team had made it.
    """
    move = blue.move(tmp_path, green, balancer)
    move.go("--until", "build")
    green.api.close()
    green.api.create("/api/v1/namespaces", {"metadata": {"name": "shop", "labels": {"team": "other"}}})
    for name in ("adservice", "frontend"):
        green.api.create(ACCOUNTS, {"metadata": {"name": name, "labels": {"team": "other"}}})
    theirs = {
        name: green.api.get(f"{ACCOUNTS}/{name}")["metadata"]["uid"] for name in ("adservice", "frontend")
    }

    before = green.api.get(SHOP)["metadata"]
    said = move.go(code=33)
    for name in ("Namespace shop", "ServiceAccount shop/adservice", "ServiceAccount shop/frontend"):
        assert f"{name} stands on green and is not from this run" in said
    assert not green.api.get("/api/v1/namespaces/shop/configmaps")["items"][
        1:
    ]  # the authority's, and nothing of ours
    green.api.delete(f"{ACCOUNTS}/frontend")
    file = real.migration(move, blue.data)
    file["workloads"]["onConflict"] = "adopt"
    leave = {"kind": "ServiceAccount", "name": "adservice", "onConflict": "skip", "reason": "theirs"}
    file["workloads"]["rules"].append(leave)
    real.write_file(move, file)
    move.must("amend", "--yes")
    move.go("--until", "replay")
    green.api.close()
    run = real_looks.MARK + ".io/run"
    kept, made = (green.api.get(f"{ACCOUNTS}/{name}")["metadata"] for name in ("adservice", "frontend"))
    assert kept["uid"] == theirs["adservice"]
    assert run not in kept.get("annotations", {})
    assert made["uid"] != theirs["frontend"]
    assert run in made["annotations"]
    assert run in green.api.get(SHOP)["metadata"]["annotations"]
    assert set(real_looks.application(green)) == set(blue.before) - {"cronjobs/report"}
    move.must("rollback", "--to", "build")
    green.api.close()
    after = green.api.get(SHOP)["metadata"]
    assert (after["uid"], after["labels"], after.get("annotations")) == (
        before["uid"],
        before["labels"],
        before.get("annotations"),
    )
    assert green.api.get(f"{ACCOUNTS}/adservice")["metadata"]["uid"] == theirs["adservice"]


def homeless(green: ControlPlane, name: str) -> None:
    """Let no node take pods any more, and delete those of a Deployment."""
    for node in green.api.get("/api/v1/nodes")["items"]:
        green.api.patch(f"/api/v1/nodes/{node['metadata']['name']}", {"spec": {"unschedulable": True}})
    green.api.delete(f"{SHOP}/pods?labelSelector=app%3D{name}")
    deployment = f"/apis/apps/v1/namespaces/shop/deployments/{name}"
    green.wait_until(
        "no pod is Ready", lambda: not green.api.get(deployment)["status"].get("readyReplicas", 0)
    )


@pytest.mark.slow
def test_verify_passes_after_a_move_and_says_what_is_broken_since(
    blue: StandingBlue, green: ControlPlane, balancer: Balancer, tmp_path: Path
) -> None:
    """Exit 0 on a finished move; 30 with the name of what is gone, changed or away; blue alone needs no green."""
    move = blue.move(tmp_path, green, balancer)
    with Gate(green.port) as gate:
        way = tmp_path / "green.kubeconfig"
        way.write_text(green.kubeconfig.read_text().replace(f":{green.port}", f":{gate.port}"))
        file = real.migration(move, blue.data)
        file["green"]["provisioner"]["kubeconfig"] = str(way)
        real.write_file(move, file)
        move.go()
        written = [len(real_looks.persisted(plane)) for plane in (blue.plane, green)]
        said = move.must("verify")
        assert "checks passed. Nothing was changed." in said
        for side in ("blue", "green"):
            move.must("verify", "--side", side)
        green.api.close()
        green.api.delete(f"{SHOP}/serviceaccounts/emailservice")
        green.api.patch(f"{SHOP}/services/frontend", {"spec": {"selector": {"app": "nobody"}}})
        homeless(green, "cartservice")
        said = move.must("verify", code=30)
        assert "ServiceAccount shop/emailservice: missing" in said
        assert "Service shop/frontend: differs at spec.selector.app" in said
        assert "1 of 13 are not Ready: Deployment shop/cartservice: 0 of 1 Ready" in said
        assert "no Ready endpoint on green, but one on blue: shop/cartservice" in said
        said = move.must("verify", "--side", "green", code=30)
        assert "Deployment shop/cartservice: 0 of 1 Ready" in said
        assert [len(real_looks.persisted(plane)) for plane in (blue.plane, green)] == written
        gate.shut()
        said = move.must("verify", code=30)
        assert "cannot be reached (Connection refused)" in said
        move.must("verify", "--side", "blue")
        gate.open()
        move.must("rollback", "--accept-data-loss")


@needs_root
def test_a_state_file_that_cannot_be_written_holds_the_ramp_and_not_the_way_back(
    blue: StandingBlue, green: ControlPlane, balancer: Balancer, tmp_path: Path
) -> None:
    """At 50 % the disk is full: exit 30 and no weight moves; an abort turns all back and says what a reload would do."""
    move = blue.move(tmp_path, green, balancer)
    with mounted(tmp_path / "disk", "size=256k") as disk:
        state = disk / "servers.state"
        file = real.migration(move, blue.data)
        file["cutover"]["haproxy"]["stateFile"] = str(state)
        file["gates"]["before-full"] = "approval"
        real.write_file(move, file)
        move.go(code=20)
        assert move.green_share() == 50
        fill(disk)
        move.must("approve", "before-full", "--by", "ops")
        said = move.go(code=30)
        assert f"the servers' state cannot be saved to {state}: No space left on device" in said
        assert move.green_share() == 50
        said = move.must("abort")
        assert move.green_share() == 0
        assert "0 % on green, although: the servers' state cannot be saved" in said
        (disk / "filler").unlink()
        move.must("rollback", "--to", "verify")
    assert move.green_share() == 0
