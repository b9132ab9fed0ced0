"""A move that leaves to green's own Flux what it keeps: the run waits for it, and never writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate.cli.app import main
from migrate.cli.project import Project, load
from migrate.engine.runner import Until
from migrate.errors import CheckFailed
from migrate.model.ids import Phase, Side
from migrate.model.objects import Resource, dig
from tests.scenario.hands import CONFIG_MAPS, DEPLOYMENTS, created, once_done, patched
from tests.scenario.moves import FILE, Life, amended, progress_of, run, seeded, world_of
from tests.scenario.turns import FLUX, defined

POLICIES = Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", namespaced=True)
LABELS = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "back"}
DENY = {"podSelector": {"matchLabels": {"kept": "true"}}, "policyTypes": ["Egress"]}


def kept(project: Project, side: Side, resource: Resource, name: str, **body: object) -> None:
    """Make an object as Flux does."""
    metadata = {"name": name, "namespace": "shop", "labels": LABELS}
    created(project, side, resource, f"shop/{name}", metadata=metadata, **body)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A move whose blue has a Flux that keeps a policy and a ConfigMap."""
    project = seeded(tmp_path / "move", f"{FILE}  gitops: compare\n")
    defined(project, FLUX)
    with world_of(project) as world:
        world.clock().sleep(10)  # until it is Established
    created(project, Side.BLUE, FLUX, "back/apps", spec={"path": "./apps", "interval": "10m"})
    kept(project, Side.BLUE, POLICIES, "kept", spec=DENY)
    kept(project, Side.BLUE, CONFIG_MAPS, "kept", data={"host": "blue"})
    return project


def test_the_run_waits_for_what_it_does_not_write(project: Project) -> None:
    """No pod before the policy that Flux makes; no traffic before the rest; what is otherwise is no failure."""
    with pytest.raises(CheckFailed, match=r"left to GitOps, before wave 5.*NetworkPolicy shop/kept"):
        run(project)
    kept(project, Side.GREEN, POLICIES, "kept", spec=DENY)
    with pytest.raises(CheckFailed, match=r"left to GitOps: 1 of 2 not there.*ConfigMap shop/kept"):
        run(project, Life(until=Until(phase=Phase.VERIFY)))
    kept(project, Side.GREEN, CONFIG_MAPS, "kept", data={"host": "green"})
    assert run(project)
    written = [i.action.key for i in progress_of(project).intents() if i.action.kind in {"create", "apply"}]
    assert not [key for key in written if "shop/kept" in key or "back/apps" in key]
    with world_of(project) as world:
        found = world.cluster(Side.GREEN).get(CONFIG_MAPS, "kept", "shop")
        assert dig(found, "data", "host") == "green"


def test_the_plan_says_who_makes_it(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """The object has its form, its rule and its keeper, and nothing is said to be written."""
    arguments = ["plan", str(project.file), "--object", "ConfigMap/shop/kept"]
    with pytest.raises(SystemExit, match="0"):
        main(arguments)
    said = capsys.readouterr().out
    assert "ConfigMap shop/kept: compared by gitops.compare" in said
    assert "kept by Kustomization.kustomize.toolkit.fluxcd.io back/apps" in said
    assert "this run writes nothing" in said
    assert "our annotations" not in said


def test_what_flux_lays_hold_of_since_it_was_written_stops_the_run(tmp_path: Path) -> None:
    """Nothing is put to rest or written: the run would not start it, and green's Flux has not made it."""
    project = seeded(tmp_path / "move", f"{FILE}  gitops: compare\n")
    defined(project, FLUX)
    with world_of(project) as world:
        world.clock().sleep(10)  # until it is Established
    created(project, Side.BLUE, FLUX, "back/apps", spec={"path": "./apps", "interval": "10m"})
    verified = Life(until=Until(phase=Phase.VERIFY))
    run(project, verified)
    patched(project, Side.BLUE, DEPLOYMENTS, "shop/web", {"metadata": {"labels": LABELS}})
    for _ in range(2):
        with pytest.raises(CheckFailed, match=r"1 of what this run wrote: Deployment shop/web \(kept by"):
            run(project, verified)
        assert replicas_on_green(project) == 2
    word = "  rules: [{kind: Deployment, namespace: shop, name: web, replay: true, reason: ours}]\n"
    project = amended(project, f"{FILE}  gitops: compare\n{word}")
    assert run(project)
    assert replicas_on_green(project) == 2


def replicas_on_green(project: Project) -> int:
    """How many pods green's web is to have."""
    with world_of(project) as world:
        return int(dig(world.cluster(Side.GREEN).get(DEPLOYMENTS, "web", "shop"), "spec", "replicas"))


def test_gitops_that_goes_on_again_on_blue_stops_the_cutover(project: Project) -> None:
    """Before any traffic moves it is named; the next run pauses it, and goes on."""
    project.file.write_text(project.file.read_text().replace("  gitops: compare\n", ""))
    project = load(str(project.file), None, None)
    goes_on = {"spec": {"suspend": False}}
    somebody = once_done("verify.routes", lambda: patched(project, Side.BLUE, FLUX, "back/apps", goes_on))
    with pytest.raises(CheckFailed, match=r"GitOps on blue: goes on again.* back/apps"):
        run(project, Life(tell=somebody))
    assert progress_of(project).weights() == {}
    assert run(project)  # which pauses it again
