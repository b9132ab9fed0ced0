"""Switches: by which field custom kinds that start work by themselves are told to rest, as data.

What acts by a switch acts through its controller, and hears of it only while that runs: so blue's rests before the
first writer moves, controllers among them, and green's comes back in a turn after theirs (`turns`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from migrate.model.decision import Form
from migrate.model.ids import RuleId
from migrate.model.objects import Object, dig
from migrate.replay import hold, runs
from migrate.replay.classes import EXCLUSIVE
from migrate.replay.definitions import takes
from migrate.replay.gitops import DISABLED
from migrate.replay.kinds import Kind
from migrate.replay.rule import Rule, Shape, Subject
from migrate.replay.surroundings import Surroundings
from migrate.replay.turns import FLUX, FLUX_OPERATOR, MACHINES, QUEUES, SCHEDULES

_SUSPEND = ("spec", "suspend")
_PAUSED = ("spec", "paused")
_KRUISE: Kind = ("apps.kruise.io", "AdvancedCronJob")


@dataclass(frozen=True, slots=True)
class Switch:
    """The field at `path` of some kinds, and the value with which they rest; its default lets them work.

    `reason` says what two of them would do, and names the source of the field.
    """

    id: RuleId
    sentence: str
    reason: str
    kinds: frozenset[Kind]
    path: hold.Path = _SUSPEND
    asleep: Any = True

    @property
    def rule(self) -> Rule:
        """The form that it gives: held on green, and blue's twin put to rest by the same field."""
        return Rule(self.id, Form.HELD, self.sentence, self.reason, self.kinds, self._there, self._held)

    @property
    def field(self) -> str:
        """The path in one word."""
        return ".".join(self.path)

    def _there(self, subject: Subject, surroundings: Surroundings) -> str | None:
        return None if stuck(self, subject, surroundings) else ""

    def _held(self, subject: Subject, _surroundings: Surroundings, target: Object) -> Shape:
        word = EXCLUSIVE if subject.kind in runs.BELOW else ""
        return Shape(*hold.switched(target, self.path, self.asleep), word)


def stuck(switch: Switch, subject: Subject, surroundings: Surroundings) -> str:
    """Why an object cannot be told to rest by its kind's switch; empty where it can.

    A server drops a field that the definition does not name in the version that is written.
    """
    definition = surroundings.blue.definitions.get(subject.kind)
    version = str(subject.obj.get("apiVersion", "")).rpartition("/")[2]
    if definition is not None and not takes(definition, version, switch.path):
        return f"its definition has no {switch.field} in {version}"
    return runs.unsuspendable(subject.obj)


def switch_of(kind: Kind) -> Switch | None:
    """The switch of a kind, if it has one."""
    return next((switch for switch in SWITCHES if kind in switch.kinds), None)


def rests(subject: Subject) -> bool:
    """Whether an object's switch has it at rest on blue already."""
    switch = switch_of(subject.kind)
    return switch is not None and dig(subject.obj, *switch.path) == switch.asleep


def _switch(
    name: str, sentence: str, reason: str, *of: Kind, path: hold.Path = _SUSPEND, asleep: Any = True
) -> Switch:
    return Switch(RuleId(f"hold.{name}"), sentence, reason, frozenset(of), path, asleep)


SWITCHES: tuple[Switch, ...] = (
    _switch(
        "suspended",
        "Flux's resources and Argo's CronWorkflows",
        "suspended until the cutover, blue's first",
        *FLUX,
        ("argoproj.io", "CronWorkflow"),
    ),
    _switch(
        "flux-operator",
        "the Flux Operator's FluxInstances, ResourceSets and their input providers",
        "not reconciled until the cutover, blue's first: they make what applies Git's state, and workloads. "
        "Annotation `fluxcd.controlplane.io/reconcile`, value disabled: flux-operator, api/v1",
        *FLUX_OPERATOR,
        path=DISABLED,
        asleep="disabled",
    ),
    _switch(
        "run",
        "JobSets, TrainJobs, RayJobs and SparkApplications at work that the operator lets move; RayClusters",
        "suspended until the cutover, blue's first, until its pods are gone. `spec.suspend`: jobset v1alpha2, "
        "trainer v1alpha1, kuberay ray/v1, spark-operator v1beta2",
        *(runs.RUNS - runs.TRAINING),
        runs.RAY_CLUSTER,
    ),
    _switch(
        "training",
        "Kubeflow's training jobs at work that the operator lets move",
        "suspended until the cutover, blue's first, until its pods are gone. `spec.runPolicy.suspend`: "
        "training-operator v1, mpi-operator v2beta1",
        *runs.TRAINING,
        path=("spec", "runPolicy", "suspend"),
    ),
    _switch(
        "schedule",
        "ScheduledSparkApplications and RayCronJobs",
        "suspended until the cutover, blue's first: its runs would come twice. `spec.suspend`: spark-operator v1beta2, "
        "kuberay ray/v1",
        *(SCHEDULES - {_KRUISE}),
    ),
    _switch(
        "paused-schedule",
        "OpenKruise's AdvancedCronJobs",
        "paused until the cutover, blue's first: its runs would come twice. `spec.paused`: kruise apps v1alpha1",
        _KRUISE,
        path=_PAUSED,
    ),
    _switch(
        "queue",
        "Kueue's ClusterQueues",
        "stopped and drained until the cutover, blue's first: Kueue wakes a suspended Job that it has admitted. "
        "`spec.stopPolicy`, value HoldAndDrain: kueue v1beta1",
        *QUEUES,
        path=("spec", "stopPolicy"),
        asleep="HoldAndDrain",
    ),
    _switch(
        "backup-schedule",
        "Velero's Schedules",
        "paused until the cutover, blue's first: both would write to one bucket. `spec.paused`: velero v1",
        ("velero.io", "Schedule"),
        path=_PAUSED,
    ),
    _switch(
        "backup-location",
        "Velero's BackupStorageLocations",
        "only read until the cutover, blue's first: each deletes what has expired. `spec.accessMode`, value ReadOnly: "
        "velero v1, velero.io/docs/main/disaster-case",
        ("velero.io", "BackupStorageLocation"),
        path=("spec", "accessMode"),
        asleep="ReadOnly",
    ),
    _switch(
        "database-backup",
        "CloudNativePG's ScheduledBackups",
        "suspended until the cutover, blue's first: both would write to one archive. `spec.suspend`: cloudnative-pg v1",
        ("postgresql.cnpg.io", "ScheduledBackup"),
    ),
    _switch(
        "machines",
        "Cluster API's Clusters",
        "paused until the cutover, blue's first: both would change the same machines. `spec.paused`, as clusterctl move "
        "does it: cluster-api v1beta1",
        *MACHINES,
        path=_PAUSED,
    ),
)
"""Tried in this order, behind what is deferred and before everything else that is written."""
