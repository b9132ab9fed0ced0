"""What of workloads is blue's own beside their pods: generated selectors and labels, and how claims end with a set."""

from __future__ import annotations

from typing import Any

from migrate.model.objects import Object, dig
from migrate.replay import kinds
from migrate.replay.edits import changed, removed, replaced, without
from migrate.replay.pods import JOB_LABELS
from migrate.replay.sanitising.edit import Edit, Setting, edit, without_labels

_RETENTION = ("spec", "persistentVolumeClaimRetentionPolicy")


def _job_selector(target: Object, _setting: Setting) -> Object:
    if dig(target, "spec", "manualSelector"):
        return target
    target = removed(target, "spec", "selector")
    path = ("spec", "template", "metadata", "labels")
    return changed(target, path, lambda labels: without(labels or {}, *JOB_LABELS))


def _cron_job(target: Object, _setting: Setting) -> Object:
    return changed(target, ("spec", "jobTemplate"), _uncreated)


def _retention(target: Object, _setting: Setting) -> Object:
    return replaced(target, _RETENTION, {"whenDeleted": "Retain", "whenScaled": "Retain"})


def _claim_templates(target: Object, _setting: Setting) -> Object:
    path = ("spec", "volumeClaimTemplates")
    return changed(target, path, lambda items: [_uncreated(without(t, "status")) for t in items or ()])


def _uncreated(part: Any) -> Any:
    return changed(part, ("metadata",), lambda m: without(m or {}, "creationTimestamp"))


def _application(target: Object, _setting: Setting) -> Object:
    return without(target, "operation")


EDITS: tuple[Edit, ...] = (
    edit(
        "stateful-set.retention",
        "`persistentVolumeClaimRetentionPolicy` becomes Retain for both; what blue had comes back with the release",
        "a way back that deletes green's set, or its rest at 0 replicas, must not delete its claims",
        kinds.STATEFUL_SET,
        change=_retention,
    ),
    edit(
        "stateful-set.claim-templates",
        "`status` and `creationTimestamp` of claim templates",
        "servers write them there; nobody reads them",
        kinds.STATEFUL_SET,
        change=_claim_templates,
    ),
    edit(
        "job.labels",
        "the labels that the Job controller generates: `controller-uid`, `job-name`, also under `batch.kubernetes.io/`",
        "they name blue's Job by its UID",
        kinds.JOB,
        change=without_labels(*JOB_LABELS),
    ),
    edit(
        "job.selector",
        "`selector`, and the generated labels of the template; with `manualSelector` both stay",
        "the server generates them by the new UID, and refuses a Job with others",
        kinds.JOB,
        change=_job_selector,
    ),
    edit(
        "cron-job.created",
        "`creationTimestamp` of the Job's template",
        "older servers show it as null, newer ones serve none (kubernetes#130989)",
        kinds.CRON_JOB,
        change=_cron_job,
    ),
    edit(
        "application.operation",
        "`operation`",
        "a synchronisation under way on blue, which green would begin anew",
        kinds.APPLICATION,
        change=_application,
    ),
)
