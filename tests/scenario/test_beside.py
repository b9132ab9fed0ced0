"""What green has beside what was sent: its own server's additions pass under a name of their own, another hand's fail."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.cli.app import main
from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.errors import CheckFailed
from migrate.model.ids import Phase, Side
from migrate.model.objects import Resource
from migrate.model.verdict import Verdict
from tests.scenario.hands import CONFIG_MAPS, PERSON, SERVICES, once_done, patched
from tests.scenario.moves import Life, progress_of, run

POLICIES = Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", namespaced=True)
SECRETS = Resource("", "v1", "secrets", "Secret", namespaced=True)
REPLAYED, VERIFIED = (Life(until=Until(phase=phase)) for phase in (Phase.REPLAY, Phase.VERIFY))
CLOSED = "NetworkPolicy back/closed"


def opened_on_green(project: Project) -> None:
    """Somebody lets everything in, where blue's policy lets nobody."""
    patched(project, Side.GREEN, POLICIES, "back/closed", {"spec": {"ingress": [{}]}})


def verdicts(project: Project) -> dict[str, Verdict]:
    """The latest verdicts by their names."""
    progress = progress_of(project)
    assert progress.plan is not None
    return {v.check: v for step in progress.plan.steps for v in progress.verdicts(step.batch)}


@pytest.mark.parametrize(
    ("resource", "where", "body", "path"),
    [
        (POLICIES, "back/closed", {"spec": {"ingress": [{}]}}, "spec.ingress"),
        (
            POLICIES,
            "back/closed",
            {"spec": {"podSelector": {"matchLabels": {"a": "b"}}}},
            "spec.podSelector.matchLabels",
        ),
        (SECRETS, "shop/api-token", {"data": {"more": "c3BvaWx0"}}, "data.more"),
        (CONFIG_MAPS, "back/worker", {"metadata": {"labels": {"a": "b"}}}, "metadata.labels.a"),
    ],
)
def test_what_another_hand_added_fails_by_path(
    project: Project, resource: Resource, where: str, body: dict[str, Any], path: str
) -> None:
    """A default-deny that was opened, or narrowed, a key more: each is named with who added it, and no value."""
    run(project, REPLAYED)
    patched(project, Side.GREEN, resource, where, body)
    with pytest.raises(CheckFailed) as caught:
        run(project, VERIFIED)
    assert f"{where}: differs at {path} ({PERSON}" in caught.value.message
    assert "c3BvaWx0" not in caught.value.message


def test_what_green_s_announcer_notes_of_an_address_is_no_difference(project: Project) -> None:
    """MetalLB runs on green alone, and writes down from which of its pools a Service has its address."""
    run(project, REPLAYED)
    notes = {"metadata": {"annotations": {"metallb.io/ip-allocated-from-pool": "first"}}}
    patched(project, Side.GREEN, SERVICES, "shop/web", notes)
    assert run(project)


def test_what_is_added_after_the_verification_stops_the_cutover(project: Project) -> None:
    """No weight is set while a policy of green's lets in what blue's does not."""
    with pytest.raises(CheckFailed, match=rf"{CLOSED}: differs at spec\.ingress \({PERSON}"):
        run(project, Life(tell=once_done("verify.routes", lambda: opened_on_green(project))))
    assert progress_of(project).weights() == {}
    patched(project, Side.GREEN, POLICIES, "back/closed", {"spec": {"ingress": None}})
    assert run(project)


def test_what_blue_gave_up_and_another_hand_keeps_is_told_by_path(project: Project) -> None:
    """The apply takes away what we alone have: what stays is told with its write, and fails until it is gone."""
    patched(project, Side.BLUE, CONFIG_MAPS, "back/worker", {"data": {"gone": "1"}})
    run(project, VERIFIED)
    for value in ("2", "1"):  # now it is theirs as well
        patched(project, Side.GREEN, CONFIG_MAPS, "back/worker", {"data": {"gone": value}})
    patched(project, Side.BLUE, CONFIG_MAPS, "back/worker", {"data": {"gone": None}})
    with pytest.raises(CheckFailed, match=rf"ConfigMap back/worker: differs at data\.gone \({PERSON}"):
        run(project)
    kept = progress_of(project).recorded("wave 5 as sent")["kept"]
    assert kept == {"ConfigMap back/worker": ["data.gone"]}
    patched(project, Side.GREEN, CONFIG_MAPS, "back/worker", {"data": {"gone": None}})
    assert run(project)


def test_verify_tells_it_as_well(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """The command fails by the same path."""
    run(project, VERIFIED)
    opened_on_green(project)
    with pytest.raises(SystemExit) as caught:
        main(["verify", "-f", str(project.file)])
    assert caught.value.code == CheckFailed.exit_code
    assert f"{CLOSED}: differs at spec.ingress" in " ".join(capsys.readouterr().out.split())


def test_what_green_completes_itself_is_equal_and_told(project: Project) -> None:
    """Address families that green's server chose: all is equal, and a check of its own names them."""
    run(project, VERIFIED)
    told = verdicts(project)
    completed = {check: v for check, v in told.items() if check.endswith(" as completed")}
    assert completed
    assert all(v.passed and "spec.ipFamilies" in v.evidence for v in completed.values())
    for check in completed:
        total = told[check.removesuffix(" as completed")].evidence.partition(" of ")
        assert total[0] == total[2].split()[0]
