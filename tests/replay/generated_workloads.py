"""Generated workloads and what scales them: Deployments, sets, Jobs, CronJobs, autoscalers."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.replay.generated_parts import LABELS, Json, const, either, parts, specs
from tests.replay.generated_pods import claim_specs, selected, templates


def _replicas() -> dict[str, SearchStrategy[int]]:
    return {"replicas": st.integers(0, 5), "minReadySeconds": st.integers(0, 9)}


def deployments() -> SearchStrategy[Json]:
    """The body of a Deployment."""
    strategy = either(
        {"type": "Recreate"},
        {},
        {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "100%"}},
        {"rollingUpdate": {"maxSurge": "1%", "maxUnavailable": 0}},
    )
    rest = parts(
        {},
        **_replicas(),
        strategy=strategy,
        revisionHistoryLimit=st.integers(0, 2**31 - 1),
        paused=st.booleans(),
        progressDeadlineSeconds=either(1000, 2**31 - 1),
    )
    return specs(st.builds(lambda a, b: {**a, **b}, selected(), rest))


def replica_sets() -> SearchStrategy[Json]:
    """The body of a ReplicaSet, and of what is made like one."""
    return specs(st.builds(lambda a, b: {**a, **b}, selected(), parts({}, **_replicas())))


def replication_controllers() -> SearchStrategy[Json]:
    """The body of a ReplicationController."""
    body = parts({"template": templates({"app": "a"})}, selector=const({"app": "a"}), **_replicas())
    return specs(body)


def daemon_sets() -> SearchStrategy[Json]:
    """The body of a DaemonSet."""
    strategy = either({"type": "OnDelete"}, {"rollingUpdate": {"maxUnavailable": "10%", "maxSurge": 0}})
    rest = parts({}, updateStrategy=strategy, revisionHistoryLimit=const(0), minReadySeconds=const(3))
    return specs(st.builds(lambda a, b: {**a, **b}, selected(), rest))


def stateful_sets() -> SearchStrategy[Json]:
    """The body of a StatefulSet."""
    claim = st.builds(
        lambda m, spec: {"metadata": {**m, "name": "data"}, "spec": spec},
        parts({}, labels=LABELS),
        claim_specs(),
    )
    strategy = either({"type": "OnDelete"}, {"rollingUpdate": {"partition": 2}}, {"type": "RollingUpdate"})
    rest = parts(
        {},
        **_replicas(),
        serviceName=either("", "a"),
        podManagementPolicy=either("OrderedReady", "Parallel"),
        updateStrategy=strategy,
        ordinals=either({}, {"start": 0}, {"start": 3}),
        volumeClaimTemplates=st.lists(claim, max_size=1),
        persistentVolumeClaimRetentionPolicy=either({"whenDeleted": "Delete"}, {"whenScaled": "Delete"}),
    )
    return specs(st.builds(lambda a, b: {**a, **b}, selected(), rest))


def _job_specs() -> SearchStrategy[Json]:
    template = templates({"app": "a"}, restart=("Never",), seconds=True)
    rule = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    shape = either(
        {},
        {"parallelism": 0},
        {"completions": 2, "parallelism": 2, "completionMode": "Indexed"},
        {"completions": 2, "completionMode": "Indexed", "backoffLimitPerIndex": 0, "maxFailedIndexes": 1},
        {"completions": 1, "completionMode": "NonIndexed"},
    )
    rest = parts(
        {"template": template},
        activeDeadlineSeconds=st.integers(1, 2**40),
        backoffLimit=either(0, 2**31 - 1),
        ttlSecondsAfterFinished=either(0, 100),
        podFailurePolicy=const({"rules": [rule]}),
        podReplacementPolicy=const("Failed"),
    )
    return st.builds(lambda a, b: {**a, **b}, rest, shape)


def jobs() -> SearchStrategy[Json]:
    """The body of a Job; some bring a selector of their own."""
    manual = {"manualSelector": True, "selector": {"matchLabels": {"app": "a"}}}
    more = either({}, {"suspend": True}, {"suspend": False}, manual)
    return specs(st.builds(lambda a, b: {**a, **b}, _job_specs(), more))


def cron_jobs() -> SearchStrategy[Json]:
    """The body of a CronJob."""
    job = parts({"spec": _job_specs()}, metadata=parts({}, labels=LABELS, annotations=const({"a": ""})))
    return specs(
        parts(
            {"schedule": either("@daily", "*/5 0-3 * * 1"), "jobTemplate": job},
            timeZone=const("Europe/Berlin"),
            startingDeadlineSeconds=st.integers(0, 2**40),
            concurrencyPolicy=either("Forbid", "Replace"),
            suspend=st.booleans(),
            successfulJobsHistoryLimit=const(0),
            failedJobsHistoryLimit=const(0),
        )
    )


def autoscalers() -> SearchStrategy[Json]:
    """The body of a HorizontalPodAutoscaler."""
    value = {"type": "Value", "value": "12345678901m"}
    metric = either(
        {
            "type": "Resource",
            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
        },
        {
            "type": "Pods",
            "pods": {"metric": {"name": "a"}, "target": {"type": "AverageValue", "averageValue": "0.5"}},
        },
        {"type": "External", "external": {"metric": {"name": "q", "selector": {}}, "target": value}},
        {
            "type": "Object",
            "object": {
                "describedObject": {"apiVersion": "v1", "kind": "Service", "name": "a"},
                "metric": {"name": "m"},
                "target": value,
            },
        },
    )
    policy = {"type": "Pods", "value": 4, "periodSeconds": 60}
    behavior = either(
        {},
        {"scaleDown": {"selectPolicy": "Disabled"}},
        {"scaleUp": {"stabilizationWindowSeconds": 0, "policies": [policy], "selectPolicy": "Min"}},
    )
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "absent"}
    return specs(
        parts(
            {"scaleTargetRef": const(target), "maxReplicas": st.integers(5, 2**31 - 1)},
            minReplicas=st.integers(1, 5),
            metrics=st.lists(metric, max_size=2),
            behavior=behavior,
        )
    )
