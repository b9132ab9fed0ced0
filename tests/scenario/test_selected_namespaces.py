"""A label of kube-system by which a policy lets DNS through stands on green before the policy, and goes with it."""

from __future__ import annotations

from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.model.ids import Phase, Side
from migrate.model.objects import Ref, Resource, labels_of
from tests.scenario.hands import created, deleted, patched
from tests.scenario.moves import Life, progress_of, roll_back_to, run
from tests.scenario.test_conflicts import NAMESPACES, on

POLICIES = Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", namespaced=True)
VERIFIED = Life(until=Until(phase=Phase.VERIFY))
SYSTEM = {"matchLabels": {"name": "kube-system"}}
DNS = {"to": [{"namespaceSelector": SYSTEM}], "ports": [{"port": 53, "protocol": "UDP"}]}


def labels_on_green(project: Project) -> dict[str, str]:
    """What green's kube-system is labelled, without its name by the server."""
    labels = labels_of(on(project, Side.GREEN, NAMESPACES, "kube-system") or {})
    return {key: value for key, value in labels.items() if key != "kubernetes.io/metadata.name"}


def test_what_a_policy_selects_by_is_merged_and_taken_back(project: Project) -> None:
    """Only that label; it is written before the policy, goes once no policy selects by it, and on the way back."""
    run(project, Life(until=Until(phase=Phase.BUILD)))
    own = labels_on_green(project)
    labels = {"metadata": {"labels": {"name": "kube-system", "team": "platform"}}}
    patched(project, Side.BLUE, NAMESPACES, "/kube-system", labels)
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [DNS]}
    created(project, Side.BLUE, POLICIES, "shop/dns", spec=spec)
    run(project, VERIFIED)
    assert labels_on_green(project) == {**own, "name": "kube-system"}
    params = [intent.action.params for intent in progress_of(project).effects()]
    done = [str(Ref.of_json(known["ref"])) for known in params if "ref" in known]
    assert done.index("Namespace kube-system") < done.index("NetworkPolicy shop/dns")
    deleted(project, Side.BLUE, POLICIES, "shop/dns")
    run(project, VERIFIED)
    assert labels_on_green(project) == own
    created(project, Side.BLUE, POLICIES, "shop/dns", spec=spec)
    run(project, VERIFIED)
    assert labels_on_green(project) == {**own, "name": "kube-system"}
    roll_back_to(project, Phase.BUILD)
    assert labels_on_green(project) == own
