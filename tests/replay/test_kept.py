"""What green's own GitOps is left to make: it has to be there, and may be otherwise."""

from __future__ import annotations

from typing import Any

from migrate.model.objects import Object, ref_of
from migrate.model.verdict import Result
from migrate.replay import Decisions
from migrate.replay.kept import CHECK, claimed, judged, needed_first, verdicts
from tests.replay.builders import decide, inventory, obj

LABELS = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux"}


def kept(kind: str = "ConfigMap", name: str = "c", api: str = "v1", **rest: Any) -> Object:
    """An object that Flux keeps."""
    return obj(kind, name, "shop", api, labels=LABELS, **rest)


def decisions(*objects: Object) -> Decisions:
    """The decisions on a blue with Flux, whose keeping is left to green's."""
    root = obj("Kustomization", "apps", "flux", "kustomize.toolkit.fluxcd.io/v1")
    return decide(root, *objects, workloads={"gitops": "compare"})


def test_what_is_not_there_yet_is_no_pass() -> None:
    """It is named with who should make it, and the run can go on once it is there."""
    (found,) = verdicts(decisions(kept()), inventory())
    assert (found.check, found.result) == (CHECK, Result.INCONCLUSIVE)
    assert "ConfigMap shop/c (kept by Kustomization.kustomize.toolkit.fluxcd.io flux/apps)" in found.evidence
    assert "gitops: replay" in found.remedy


def test_what_git_has_otherwise_for_green_is_told_by_path_without_values() -> None:
    """Who keeps it there is another, which is no difference; a value is never told."""
    green = obj("ConfigMap", "c", "shop", labels={"other": "keeper"}, data={"host": "green"})
    (found,) = verdicts(
        decisions(kept(data={"host": "blue"}), kept(name="same")), inventory(green, kept(name="same"))
    )
    assert found.passed
    assert found.evidence == "1 of 2 as on blue, 1 as Git has it for green: ConfigMap shop/c at data.host"


def test_nothing_left_nothing_said() -> None:
    """A move without GitOps has no such check."""
    assert verdicts(decide(obj("ConfigMap", "c", "shop")), inventory()) == ()


def test_what_this_run_wrote_and_git_keeps_since_is_named() -> None:
    """Only what this run wrote is looked at; with what to write into the file."""
    found = decisions(kept(), kept(name="other"))
    assert claimed(found, ()).passed
    verdict = claimed(found, [ref_of(kept())])
    assert verdict.result is Result.FAIL
    assert verdict.evidence.startswith("1 of what this run wrote: ConfigMap shop/c (kept by Kustomization")
    assert "replay: true" in verdict.remedy


def test_policies_are_needed_before_what_they_select() -> None:
    """Of what is left, policies are due after their own wave; a ConfigMap is never."""
    policy = kept("NetworkPolicy", "deny", "networking.k8s.io/v1", spec={"podSelector": {}})
    found = decisions(kept(), policy)
    assert needed_first(found, 0, 4) == ()
    (due,) = needed_first(found, 4, 5)
    assert due.ref.name == "deny"
    assert needed_first(found, 5, 13) == ()
    assert [v.result for v in judged("x", (due,), inventory(policy))] == [Result.PASS]
