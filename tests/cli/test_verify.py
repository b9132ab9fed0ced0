"""What `cnimigrate verify` judges, what it says it did not look at, and that it only looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from migrate.cli.commands.verify import SHOWN
from migrate.doors.cluster import Cluster, Verb, Write
from migrate.engine import lock
from migrate.model import marks
from migrate.model.ids import Side
from migrate.model.objects import Resource, annotations_of, name_of, namespace_of
from migrate.simulation.server import SimulatedCluster
from migrate.simulation.world import World
from tests.cli.conftest import CANARY, CANARY_ENCODED, Cli, Said, canary_secret, recorded, simulated
from tests.replay.builders import service
from tests.replay.helm import HIDDEN, record
from tests.scenario.hands import by_hand

DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment", namespaced=True)
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)
SECRETS = Resource("", "v1", "secrets", "Secret", namespaced=True)
AUTOSCALERS = Resource(
    "autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", namespaced=True
)
ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount", namespaced=True)
NODES = Resource("", "v1", "nodes", "Node", namespaced=False)


def world_of(file: Path, name: str) -> World:
    """A move's simulated world."""
    return World.open(file.parent / ".cnimigrate" / name / "world.db")


@contextmanager
def side_of(file: Path, name: str, side: Side) -> Iterator[Cluster]:
    """One cluster of it, as somebody else would change it."""
    with world_of(file, name) as world:
        yield by_hand(world, side)


def unready(cluster: Cluster, name: str) -> None:
    """Let a Deployment of the shop have no Ready replica, as its status says."""
    body = {"status": {"readyReplicas": 0, "availableReplicas": 0}}
    cluster.write(Write(Verb.PATCH, DEPLOYMENTS, name, "shop", body, subresource="status"))


def scaled(file: Path, side: Side, name: str, replicas: int) -> None:
    """Give a Deployment of the shop another number of replicas, and let its pods come."""
    with world_of(file, "demo") as world:
        body = {"spec": {"replicas": replicas}}
        world.cluster(side).write(Write(Verb.PATCH, DEPLOYMENTS, name, "shop", body))
        world.settle()


def verdicts(said: Said) -> dict[str, dict[str, Any]]:
    """The verdicts of a document, by check."""
    return {v["check"]: v for v in said.document["verdicts"]}


@pytest.fixture
def moved(cli: Cli, quick: Path) -> Path:
    """A move that stands before its cutover."""
    assert cli("run", quick, "--until", "verify").code == 0
    return quick


def test_green_as_it_was_left_passes(cli: Cli, moved: Path) -> None:
    """Objects wave by wave, workloads, Services and Calico; and what was not looked at, packets first."""
    said = cli("verify", moved)
    assert said.code == 0, said.all
    lines = said.out.splitlines()
    assert lines[0].startswith("green (demo) held against blue (dc1-old)   run ")
    for check in ("parity-wave-1 ", "workloads ", "services ", "calico/node "):
        assert any(line.startswith(f"  ok       {check}") for line in lines), check
    at = lines.index("not looked at")
    assert lines[at + 1].startswith("  connections: no packet was sent")
    assert (
        lines[-1] == f"{sum(line.startswith('  ok ') for line in lines)} checks passed. Nothing was changed."
    )


def test_it_only_looks(cli: Cli, moved: Path) -> None:
    """The journal has no further entry, and another's lock is no hindrance."""
    before = cli("export", moved).out
    here = {"user": "a", "host": "b", "pid": 1, "since": "now"}
    with lock.held(moved.parent / ".cnimigrate" / "demo" / "lock", here):
        assert cli("verify", moved).code == 0
    assert cli("export", moved).out == before


def test_what_is_missing_or_changed_on_green_fails(cli: Cli, moved: Path) -> None:
    """An object that somebody deleted and one that somebody changed are named, with the path; exit 30."""
    with side_of(moved, "demo", Side.GREEN) as green:
        green.write(Write(Verb.DELETE, CONFIG_MAPS, "banner", "shop"))
        green.write(Write(Verb.PATCH, CONFIG_MAPS, "shop-settings", "shop", {"data": {"NEW": "x"}}))
        body = {"metadata": {"labels": {"app": "another"}}}
        green.write(Write(Verb.PATCH, DEPLOYMENTS, "cart", "shop", body))
    said = cli("verify", moved)
    assert said.code == 30
    assert "  FAILED   parity-wave-5" in said.out
    assert "ConfigMap shop/banner: missing" in said.out
    assert "Deployment shop/cart: differs at metadata.labels.app" in said.out
    assert "ConfigMap shop/shop-settings: differs at data.NEW" in said.out
    assert "checks passed" not in said.out
    assert "2 of " in said.err
    document = cli("verify", moved, "-o", "yaml")
    assert document.code == 30
    assert document.document["counts"]["fail"] == 2


def test_a_workload_that_is_not_ready_fails_unless_blue_has_it_so_too(cli: Cli, moved: Path) -> None:
    """Blue's own state is the baseline: what was broken before is no regression."""
    with side_of(moved, "demo", Side.GREEN) as green:
        unready(green, "catalog")
    broken = cli("verify", moved, "-o", "json")
    assert broken.code == 30
    assert "Deployment shop/catalog: 0 of " in verdicts(broken)["workloads"]["evidence"]
    assert verdicts(cli("verify", moved, "--side", "green", "-o", "json"))["workloads"]["result"] == "fail"
    with side_of(moved, "demo", Side.BLUE) as blue:
        unready(blue, "catalog")
    alike = cli("verify", moved, "-o", "json")
    assert verdicts(alike)["workloads"]["result"] == "pass"
    assert "1 were not Ready on blue either" in verdicts(alike)["workloads"]["evidence"]
    alone = cli("verify", moved, "--side", "blue")
    assert alone.code == 30
    assert "Deployment shop/catalog" in alone.out


def test_every_difference_is_in_the_document(cli: Cli, quick: Path) -> None:
    """Beyond the five that the text spells out: each object, its paths and who changed it; no value."""
    assert cli("run", quick, "--until", "verify").code == 0
    assert cli("verify", quick, "-o", "json").document["differences"] == []
    with world_of(quick, "demo") as world:
        hand = SimulatedCluster(world._store, Side.GREEN, manager="kubectl-edit")
        ours = [
            (resource, obj)
            for resource in (ACCOUNTS, CONFIG_MAPS)
            for page in hand.pages(resource)
            for obj in page
            if marks.RUN in annotations_of(obj)
        ][:SHOWN]
        for resource, obj in ours:
            hand.write(Write(Verb.DELETE, resource, name_of(obj), namespace_of(obj)))
        body = {"metadata": {"labels": {"app": "another-value"}}}
        hand.write(Write(Verb.PATCH, DEPLOYMENTS, "cart", "shop", body))
    text = cli("verify", quick)
    assert text.code == 30
    assert "all 6 objects that differ, path by path: cnimigrate verify -o json" in text.out
    said = cli("verify", quick, "-o", "json")
    assert said.code == 30
    found = {d["object"]: d for d in said.document["differences"]}
    assert {d["what"] for d in found.values()} == {"missing", "differs"}
    assert len(found) == SHOWN + 1
    (path,) = found["Deployment shop/cart"]["paths"]
    assert path["path"] == "metadata.labels.app"
    assert path["cause"].startswith("kubectl-edit at ")
    assert "another-value" not in said.out


def test_one_side_by_itself_says_what_it_leaves_out(cli: Cli, moved: Path) -> None:
    """Green alone has Calico and its workloads, blue alone its network and workloads; neither has parity."""
    green = cli("verify", moved, "--side", "green", "-o", "json")
    assert green.code == 0, green.all
    assert "calico/node" in verdicts(green)
    assert "workloads" in verdicts(green)
    assert not any(check.startswith("parity") for check in verdicts(green))
    assert any("parity" in said for said in green.document["notLookedAt"])
    blue = cli("verify", moved, "--side", "blue", "-o", "json")
    assert blue.code == 0, blue.all
    assert sorted(verdicts(blue)) == ["network", "workloads"]
    assert blue.document["green"] is None
    assert any(said.startswith("green") for said in blue.document["notLookedAt"])


def test_calico_that_is_not_on_every_node_fails(cli: Cli, moved: Path) -> None:
    """A node of green that Calico does not hold up is found by its condition."""
    with side_of(moved, "demo", Side.GREEN) as green:
        body = {"status": {"conditions": [{"type": "NetworkUnavailable", "status": "True", "reason": "x"}]}}
        green.write(Write(Verb.PATCH, NODES, "green-1", body=body, subresource="status"))
    said = cli("verify", moved, "--side", "green", "-o", "json")
    assert said.code == 30
    assert verdicts(said)["calico/nodes"]["result"] != "pass"
    assert "green-1" in verdicts(said)["calico/nodes"]["evidence"]


def test_after_the_end_fields_alone_are_compared(cli: Cli, moved: Path) -> None:
    """finish took our marks away, and blue's writers rest by our doing: neither is a failure, both are said."""
    assert cli("run", moved).code == 0
    said = cli("verify", moved)
    assert said.code == 0, said.all
    assert "who wrote what stands on green: finish has taken the marks away" in said.out
    assert "Services of what this run put to rest on blue" in said.out
    assert "not Ready on blue either" not in said.out
    with side_of(moved, "demo", Side.GREEN) as green:
        green.write(Write(Verb.DELETE, CONFIG_MAPS, "banner", "shop"))
    assert "ConfigMap shop/banner: missing" in cli("verify", moved).out


def test_what_an_autoscaler_decides_is_no_difference(cli: Cli, quick: Path) -> None:
    """Blue's decides there at any time, green's own once it stands: neither is the replay's doing, other fields are."""
    assert cli("run", quick, "--until", "prepare").code == 0
    for name in ("cart", "catalog"):
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
        body = {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 9},
        }
        with side_of(quick, "demo", Side.BLUE) as blue:
            blue.write(Write(Verb.CREATE, AUTOSCALERS, name, "shop", body))
    assert cli("run", quick, "--until", "verify").code == 0
    scaled(quick, Side.BLUE, "cart", 5)
    assert cli("verify", quick).code == 0
    # green has no autoscaler yet: somebody's hand it was
    scaled(quick, Side.GREEN, "catalog", 6)
    by_hand = cli("verify", quick)
    assert by_hand.code == 30
    assert "Deployment shop/catalog: " in by_hand.out
    assert "put it back there" in by_hand.err
    with side_of(quick, "demo", Side.BLUE) as blue:
        catalog = blue.get(DEPLOYMENTS, "catalog", "shop")
    assert catalog is not None
    scaled(quick, Side.GREEN, "catalog", catalog["spec"]["replicas"])
    for until in (("--until", "soak"), ()):
        assert cli("run", quick, *until).code == 0
        scaled(quick, Side.GREEN, "cart", 7)
        scaled(quick, Side.BLUE, "catalog", 4)
        said = cli("verify", quick)
        assert said.code == 0, said.all
    with side_of(quick, "demo", Side.GREEN) as green:
        body = {"metadata": {"labels": {"app": "another"}}}
        green.write(Write(Verb.PATCH, DEPLOYMENTS, "cart", "shop", body))
    assert "Deployment shop/cart: differs at metadata.labels.app" in cli("verify", quick).out


def test_a_move_that_was_not_begun_is_told(cli: Cli, demo: Path) -> None:
    """Without a journal there is no run to verify: exit 2 and how to begin; nothing is left behind."""
    said = cli("verify", demo)
    assert (said.code, said.out) == (2, "")
    assert "has not been begun" in said.err
    assert [p.name for p in demo.parent.iterdir()] == [demo.name]


def test_without_a_green_only_blue_can_be_looked_at(cli: Cli, quick: Path) -> None:
    """Before the build phase green does not exist: exit 30, and the option that works."""
    assert cli("run", quick, "--until", "prepare").code == 0
    said = cli("verify", quick)
    assert said.code == 30
    assert "green does not exist yet" in said.err
    assert "--side blue" in said.err
    assert cli("verify", quick, "--side", "blue").code == 0


def test_another_file_than_the_journals_is_refused(cli: Cli, moved: Path) -> None:
    """What the run did not do cannot be verified: exit 50 for another network, and for rules not amended."""
    before = moved.read_text()
    moved.write_text(before.replace("10.48.0.0/14", "10.52.0.0/14"))
    said = cli("verify", moved)
    assert (said.code, said.out) == (50, "")
    moved.write_text(before.replace("[1, 5, 25, 50, 100]", "[10, 100]"))
    assert "cnimigrate amend" in cli("verify", moved).err


def test_a_secret_that_differs_is_told_by_its_path_alone(cli: Cli, tmp_path: Path) -> None:
    """The canary is on both sides, changed on green; no form of the output has either value."""
    # recorded Secrets have words instead of values, which an API server refuses as no base64
    blue = recorded("weave-to-calico", canary_secret()).replace("<not recorded>", "bm90IHJlY29yZGVk")
    file = simulated(tmp_path, blue, name="canary")
    gates = "".join(f"  {g}: auto\n" for g in ("before-replay", "before-start", "before-cutover"))
    data = (
        "workloads:\n  volumes: [{namespace: web, name: queue, as: empty, reason: it is drained by then}]\n"
    )
    file.write_text(f"{file.read_text()}gates:\n{gates}{data}")
    assert cli("run", file, "--until", "verify").code == 0
    with side_of(file, "canary", Side.GREEN) as green:
        changed = {"data": {"word": CANARY_ENCODED[:-4] + "AAAA"}}
        green.write(Write(Verb.PATCH, SECRETS, "canary", "default", changed))
    for form in ("text", "json", "yaml"):
        said = cli("verify", file, "-o", form)
        assert said.code == 30
        assert "Secret default/canary: differs at data.word" in said.out
        assert CANARY not in said.all
        assert CANARY_ENCODED[:-4] not in said.all


def test_helm_would_list_each_release_on_green_as_on_blue(cli: Cli, tmp_path: Path) -> None:
    """A line each in text, kinds and names in JSON, nothing of a chart's values; a record that is gone fails."""
    manifest = "{apiVersion: v1, kind: Service, metadata: {name: web}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: gone}}"
    helm = record(manifest, revision=3)
    helm["metadata"]["namespace"] = "default"
    blue = recorded("weave-to-calico", helm, service("web", "default")).replace(
        "<not recorded>", "bm90IHJlY29yZGVk"
    )
    file = simulated(tmp_path, blue, name="helm")
    data = (
        "workloads:\n  volumes: [{namespace: web, name: queue, as: empty, reason: it is drained by then}]\n"
    )
    gates = "".join(f"  {g}: auto\n" for g in ("before-replay", "before-start", "before-cutover"))
    file.write_text(f"{file.read_text()}gates:\n{gates}{data}")
    assert cli("run", file, "--until", "verify").code == 0
    said = cli("verify", file)
    assert said.code == 0, said.all
    lines = said.out.splitlines()
    assert any(line.startswith("  ok       helm releases") for line in lines)
    assert "  default/web  revision 3 deployed  1 of 2 objects on green, 1 not on blue either" in lines
    (release,) = cli("verify", file, "-o", "json").document["helmReleases"]
    assert (release["green"], release["notOnBlue"]) == (release["blue"], ["ConfigMap default/gone"])
    with side_of(file, "helm", Side.GREEN) as green:
        green.write(Write(Verb.DELETE, SECRETS, "sh.helm.release.v1.web.v3", "default"))
    for form in ("text", "json", "yaml"):
        bad = cli("verify", file, "-o", form)
        assert bad.code == 30
        assert "default/web: its record is not on green" in " ".join(bad.out.split())
        assert HIDDEN not in bad.all
