"""The defaults of real API servers: untouched they are no question, and what a person adds to one is."""

from __future__ import annotations

from migrate.doors.cluster import Verb, Write
from migrate.doors.reading import read_inventory
from migrate.kube.cluster import KubeCluster
from migrate.kube.connect import connect
from migrate.model.decision import Form
from migrate.model.ids import Side
from migrate.model.inventory import Inventory
from migrate.model.objects import Resource, name_of
from migrate.replay import bootstrap_rbac, kinds
from migrate.steps.defaults import rbac_defaults
from tests.lab.control_plane import ControlPlane
from tests.replay.builders import decided, migration

BINDINGS = Resource(kinds.RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False)
OPS = {"apiGroup": kinds.RBAC, "kind": "Group", "name": "ops-team"}


def read(cluster: KubeCluster) -> Inventory:
    """All that may be a default."""
    return read_inventory(cluster, only=bootstrap_rbac.KINDS)


def asked(blue: KubeCluster, green: KubeCluster) -> dict[str, str]:
    """By name and evidence the defaults of blue that a person is asked about; other tests leave bindings of theirs."""
    inventory = read(blue)
    found = decided(inventory, migration(), green_rbac=rbac_defaults(green, inventory))
    defaults = [d for d in found if bootstrap_rbac.made_by_server(inventory.find(d.ref) or {})]
    assert len(defaults) > 50
    return {d.ref.name: d.evidence for d in defaults if d.form is Form.UNDECIDED}


def test_untouched_defaults_are_no_question_and_an_added_subject_is(
    blue_and_green: tuple[ControlPlane, ControlPlane],
) -> None:
    """A group beside system:masters is named; taken away again, nobody is asked."""
    with (
        connect(blue_and_green[0].kubeconfig, None, Side.BLUE) as blue,
        connect(blue_and_green[1].kubeconfig, None, Side.GREEN) as green,
    ):
        assert asked(blue, green) == {}
        before = blue.get(BINDINGS, "cluster-admin") or {}
        assert name_of(before) == "cluster-admin"
        change = {"subjects": [*before["subjects"], OPS]}
        blue.write(Write(Verb.PATCH, BINDINGS, "cluster-admin", body=change))
        try:
            assert asked(blue, green) == {"cluster-admin": "added subject: Group ops-team"}
        finally:
            back = {"subjects": before["subjects"]}
            blue.write(Write(Verb.PATCH, BINDINGS, "cluster-admin", body=back))
        assert asked(blue, green) == {}
