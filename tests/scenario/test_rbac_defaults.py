"""A default binding that somebody added to is asked about before anything is written, and goes on by a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate.engine.runner import Until
from migrate.errors import CheckFailed
from migrate.model.ids import Phase, Side
from migrate.model.objects import Resource
from tests.scenario.hands import created
from tests.scenario.moves import FILE, Life, amended, run, seeded

GROUP = "rbac.authorization.k8s.io"
BINDINGS = Resource(GROUP, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False)
ROLES = Resource(GROUP, "v1", "clusterroles", "ClusterRole", namespaced=False)
MASTERS, OPS = ({"apiGroup": GROUP, "kind": "Group", "name": name} for name in ("system:masters", "ops-team"))
ROLE = {"apiGroup": GROUP, "kind": "ClusterRole", "name": "cluster-admin"}
SKIP = "  rules: [{kind: ClusterRoleBinding, name: 'system:admins', skip: true, reason: bound by another name}]\n"


def test_an_added_subject_is_asked_about_until_a_word_is_said(tmp_path: Path) -> None:
    """The question names the subject and the key; what is alike on both sides is none."""
    project = seeded(tmp_path / "move")
    created(project, Side.BLUE, BINDINGS, "/system:admins", roleRef=ROLE, subjects=[MASTERS, OPS])
    created(project, Side.BLUE, BINDINGS, "/system:alike", roleRef=ROLE, subjects=[MASTERS])
    run(project, Life(until=Until(phase=Phase.BUILD)))
    created(project, Side.GREEN, ROLES, "/system:basic-user", rules=[])  # as an API server makes it
    for name in ("admins", "alike"):
        created(project, Side.GREEN, BINDINGS, f"/system:{name}", roleRef=ROLE, subjects=[MASTERS])
    replay = Life(until=Until(phase=Phase.REPLAY))
    with pytest.raises(CheckFailed) as caught:
        run(project, replay)
    assert "added subject: Group ops-team" in caught.value.message
    assert "system:alike" not in caught.value.message
    assert (
        "workloads.rules: [{kind: ClusterRoleBinding, namespace: *, name: system:admins"
        in caught.value.remedy
    )
    assert not run(amended(project, FILE + SKIP), replay)
