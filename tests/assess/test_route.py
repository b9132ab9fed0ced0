"""Whether a route leads from a CNI, and how it is refused where none does."""

from __future__ import annotations

import pytest

from migrate.assess import require_route
from migrate.assess.sources import POLICY_ONLY
from migrate.errors import NoRoute, NothingToMigrate, Stopped
from migrate.model.facts import Cni, CniName


@pytest.mark.parametrize("name", [CniName.WEAVE, CniName.FLANNEL, CniName.CANAL])
def test_a_route_leads_from_weave_flannel_and_canal(name: CniName) -> None:
    """The CNI is given back; the file may name it or not."""
    cni = Cni(name)
    assert require_route([cni, Cni(CniName.MULTUS)]) is cni
    assert require_route([cni], str(name)) is cni


def test_calico_has_nothing_to_migrate() -> None:
    """Exit 11, with what proves it."""
    with pytest.raises(NothingToMigrate) as stopped:
        require_route([Cni(CniName.CALICO, evidence=("DaemonSet kube-system/calico-node",))])
    assert stopped.value.exit_code == 11
    assert "DaemonSet kube-system/calico-node" in stopped.value.message


def test_calico_is_nothing_to_migrate_even_where_the_file_expects_another() -> None:
    """The file is contradicted, but what the operator must know is that blue runs Calico."""
    with pytest.raises(NothingToMigrate):
        require_route([Cni(CniName.CALICO)], "weave")


@pytest.mark.parametrize("name", sorted(set(CniName) - {"weave", "flannel", "canal", "calico"}))
def test_every_other_cni_is_refused_with_evidence_and_what_to_do(name: CniName) -> None:
    """Exit 12; a remedy that fits who manages the network."""
    with pytest.raises(NoRoute) as stopped:
        require_route([Cni(name, evidence=("DaemonSet kube-system/x",), notes=("a trace",))])
    assert stopped.value.exit_code == 12
    assert "DaemonSet kube-system/x" in stopped.value.message
    assert stopped.value.remedy
    assert ("provider" in stopped.value.remedy) == (name in {"gke", "aws-vpc-cni", "azure-cni"})


def test_a_calico_that_only_enforces_is_no_route_and_not_nothing_to_migrate() -> None:
    """The CNI beside it carries the traffic, and was not recognised."""
    with pytest.raises(NoRoute):
        require_route([Cni(CniName.CALICO, encapsulation=POLICY_ONLY)])


def test_no_cni_at_all_is_refused_with_the_rights_to_check() -> None:
    """Nothing seen may mean that nothing could be seen."""
    with pytest.raises(NoRoute) as stopped:
        require_route([])
    assert "not recognised" in stopped.value.message
    assert "list DaemonSets" in stopped.value.remedy


def test_traces_of_another_cni_are_told_where_none_runs() -> None:
    """The note of what ran here once is a part of the remedy."""
    with pytest.raises(NoRoute) as stopped:
        require_route([Cni(CniName.UNKNOWN, notes=("22 CRDs of Calico are there",))])
    assert "22 CRDs of Calico are there" in stopped.value.remedy


def test_a_contradicted_migration_file_stops_the_run() -> None:
    """Exit 30: the file names the CNI of another cluster, perhaps."""
    with pytest.raises(Stopped) as stopped:
        require_route([Cni(CniName.FLANNEL, evidence=("DaemonSet kube-flannel/kube-flannel-ds",))], "weave")
    assert stopped.value.exit_code == 30
    assert "blue.cni: weave" in stopped.value.message
    assert "blue.cni: flannel" in stopped.value.remedy
