"""Runs: what custom kinds carry out once by pods of their own, as a Job does, and how each says that it is over.

Sources, the types of each project's API: kubernetes-sigs/jobset v1alpha2, kubeflow/trainer v1alpha1, kubeflow.org v1
(training-operator) and v2beta1 (mpi-operator), ray-project/kuberay ray/v1, kubeflow/spark-operator v1beta2.
"""

from __future__ import annotations

from collections.abc import Mapping

from migrate.model.objects import Object, dig, group_of, kind_of
from migrate.replay import kinds
from migrate.replay.kinds import Kind

JOB_SET: Kind = ("jobset.x-k8s.io", "JobSet")
TRAIN_JOB: Kind = ("trainer.kubeflow.org", "TrainJob")
RAY_JOB: Kind = ("ray.io", "RayJob")
RAY_CLUSTER: Kind = ("ray.io", "RayCluster")
SPARK_APPLICATION: Kind = ("sparkoperator.k8s.io", "SparkApplication")
TRAINING: frozenset[Kind] = frozenset(
    ("kubeflow.org", kind)
    for kind in ("PyTorchJob", "TFJob", "MPIJob", "XGBoostJob", "PaddleJob", "JAXJob", "MXJob")
)

RUNS: frozenset[Kind] = TRAINING | {JOB_SET, TRAIN_JOB, RAY_JOB, SPARK_APPLICATION}
"""What is over some time; made anew it would be carried out again."""

BELOW: Mapping[Kind, frozenset[Kind]] = {
    **dict.fromkeys(TRAINING, frozenset({kinds.JOB})),  # the launcher of an MPIJob
    JOB_SET: frozenset({kinds.JOB}),
    TRAIN_JOB: frozenset({JOB_SET, kinds.JOB}),
    RAY_JOB: frozenset({RAY_CLUSTER, kinds.JOB}),
    RAY_CLUSTER: frozenset(),
    SPARK_APPLICATION: frozenset(),
}
"""What keeps pods by a controller of its own, with the kinds that stand between it and them."""

_ENDS = frozenset({"Complete", "Completed", "Succeeded", "Failed"})
_STATES = (("status", "jobDeploymentStatus"), ("status", "applicationState", "state"))
"""Where a RayJob and a SparkApplication, which have no such conditions, say how they are."""


def end_of_run(run: Object) -> str:
    """How a run ended, in its controller's word; empty where it has not."""
    for condition in dig(run, "status", "conditions") or ():
        if condition.get("type") in _ENDS and condition.get("status") == "True":
            return str(condition["type"])
    said = (str(dig(run, *path, default="")) for path in _STATES)
    return next((state for state in said if state.capitalize() in _ENDS), "")


def unsuspendable(run: Object) -> str:
    """Why its controller would call it invalid once it is suspended; empty where it may be.

    Source: kuberay, ValidateRayJobSpec.
    """
    if (group_of(run), kind_of(run)) != RAY_JOB:
        return ""
    if dig(run, "spec", "clusterSelector"):
        return "a RayJob with clusterSelector cannot be suspended"
    if not dig(run, "spec", "shutdownAfterJobFinishes"):
        return "a RayJob without shutdownAfterJobFinishes cannot be suspended"
    return ""
