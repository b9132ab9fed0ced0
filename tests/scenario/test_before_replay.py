"""What the gate before the replay asks about: every webhook backend that an approval might start."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.model.ids import Phase, Side
from migrate.model.objects import Resource
from migrate.steps.replay_objects import ReplayObjects
from tests.scenario.hands import DEPLOYMENTS, SERVICES, created, deleted
from tests.scenario.moves import FILE, Life, opened, run, seeded

NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
WEBHOOKS = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "mutatingwebhookconfigurations",
    "MutatingWebhookConfiguration",
    namespaced=False,
)
LABELS = {"app": "injector"}
POD = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "a", "image": "b:1"}]}}
INJECTOR = {"replicas": 1, "selector": {"matchLabels": LABELS}, "template": POD}
HOOK = {
    "name": "mesh.example.com",
    "clientConfig": {"service": {"namespace": "mesh", "name": "injector"}},
    "admissionReviewVersions": ["v1"],
    "sideEffects": "None",
    "failurePolicy": "Ignore",
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "mesh"}},
    "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
}


@pytest.fixture
def built(tmp_path: Path) -> Project:
    """A move at the end of build: blue has a webhook with its backend, green has a backend of that name of its own."""
    project = seeded(tmp_path / "move", f"{FILE}  onConflict: skip\n")
    created(project, Side.BLUE, NAMESPACES, "/mesh")
    created(project, Side.BLUE, DEPLOYMENTS, "mesh/injector", spec=INJECTOR)
    spec = {"selector": LABELS, "ports": [{"port": 443, "targetPort": 8443}]}
    created(project, Side.BLUE, SERVICES, "mesh/injector", spec=spec)
    created(project, Side.BLUE, WEBHOOKS, "/mesh", webhooks=[HOOK])
    run(project, Life(until=Until(phase=Phase.BUILD)))
    created(project, Side.GREEN, NAMESPACES, "/mesh")
    created(project, Side.GREEN, DEPLOYMENTS, "mesh/injector", spec=INJECTOR)
    return project


def asked(project: Project) -> tuple[str, str, dict[str, list[str]]]:
    """How the gate opens, what it binds to, and the objects under each of its titles."""
    step, found, title = ReplayObjects(), dict[str, list[str]](), ""
    with opened(project) as session:
        mode, about = step.gate_mode(session.scene), step.gate_about(session.scene)
        for line in step.gate_words(session.scene):
            if line.startswith("  "):
                found[title].append(line.strip())
            else:
                title = line.partition(":")[0]
                found[title] = []
    return mode, about, found


def test_a_backend_that_stands_there_of_another_hand_is_asked_about_too(built: Project) -> None:
    """The first run that finds it gone starts ours: whoever approved was shown it, as skipped while it stood."""
    named = "Deployment mesh/injector"
    skipped = (
        "are skipped for green's own, and would be started like these by the first run that finds those gone"
    )
    mode, about, words = asked(built)
    assert mode == "approval"
    assert about
    assert words[skipped] == [named]
    run(built, Life(until=Until(phase=Phase.VERIFY)))
    assert asked(built)[:2] == (mode, about)
    assert asked(built)[2][skipped] == [named]
    deleted(built, Side.GREEN, DEPLOYMENTS, "mesh/injector")
    assert asked(built)[:2] == (mode, about)
    assert asked(built)[2]["would be started before the workloads they change"] == [named]
    assert skipped not in asked(built)[2]


def test_where_nothing_would_be_started_nothing_is_asked(tmp_path: Path) -> None:
    """The gate opens by itself, and binds to nothing of its own."""
    project = seeded(tmp_path / "move", FILE)
    run(project, Life(until=Until(phase=Phase.BUILD)))
    assert asked(project)[:2] == ("auto", "")
