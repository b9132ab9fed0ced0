"""CronJob to Jobs, as the world's time passes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from migrate.errors import AlreadyExists
from migrate.model.objects import Object, dig, end_of_job
from migrate.model.schedule import schedule
from migrate.simulation.controllers.context import Context, owner_key, owner_reference, watching
from migrate.simulation.controllers.view import Event, Key, Kinds

CENTURY = 100 * 365 * 86400
"""Seconds."""


class CronJobs:
    """Records every firing; where several came due at once, only the last one's Job is made."""

    name = "cronjobs"
    watches = watching(Kinds.cron_jobs, Kinds.jobs)

    def keys(self, event: Event, ctx: Context) -> Iterable[Key]:
        """CronJobs themselves, and those whose Jobs changed."""
        del ctx
        if event.plural == "cronjobs":
            return () if event.deleted else (event.key,)
        return owner_key(event, "CronJob")

    def reconcile(self, key: Key, ctx: Context) -> None:
        """Fire what is due, keep the history short, and come back for the next firing."""
        live = ctx.view.get(Kinds.cron_jobs, key.name, key.namespace)
        if live is None or live["metadata"].get("deletionTimestamp"):
            return
        jobs = [obj for what, obj in ctx.view.owned(live["metadata"]["uid"]) if what.plural == "jobs"]
        active = [job for job in jobs if not end_of_job(job)]
        spec = live["spec"]
        try:
            plan = schedule(spec["schedule"], spec.get("timeZone") or "")
        except ValueError:  # the real controller reports UnparseableSchedule and does nothing
            return
        last: datetime | None = None
        if not spec.get("suspend"):
            due = list(plan.between(self._since(live, ctx), ctx.now))
            forbidden = spec.get("concurrencyPolicy") == "Forbid" and bool(active)
            if due and not forbidden:
                last = due[-1]
                if spec.get("concurrencyPolicy") == "Replace":
                    for job in active:
                        ctx.delete(Kinds.jobs, job)
                    active = []
                # Of what was missed while it was suspended only the last is caught up; what the clock jumped over fired.
                jumped = [moment for moment in due[:-1] if ctx.jumped_from and moment > ctx.jumped_from]
                active.append(self._start(live, last, ctx))
                ctx.fired(key, [*jumped, last])
            following = plan.next(ctx.now)
            if following is not None:
                ctx.view.later(self.name, key, following)
        self._trim(live, jobs, ctx)
        self._tell(live, active, jobs, last, ctx)

    def _since(self, live: Object, ctx: Context) -> datetime:
        """Where to count from: the last firing, else the creation; never earlier than the starting deadline allows."""
        text = dig(live, "status", "lastScheduleTime") or live["metadata"]["creationTimestamp"]
        since = datetime.fromisoformat(text)
        deadline = live["spec"].get("startingDeadlineSeconds")
        if deadline is None:
            return since
        # the API takes any whole number; a deadline of a century has no earliest time that a clock could tell
        earliest = ctx.now - timedelta(seconds=min(deadline, CENTURY))
        return max(since, min(earliest, ctx.jumped_from) if ctx.jumped_from else earliest)

    def _start(self, live: Object, due: datetime, ctx: Context) -> Object:
        template = live["spec"]["jobTemplate"]
        metadata = template.get("metadata") or {}
        annotations = {
            **(metadata.get("annotations") or {}),
            "batch.kubernetes.io/cronjob-scheduled-timestamp": due.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        made: dict[str, Any] = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": f"{live['metadata']['name']}-{int(due.timestamp()) // 60}",
                "namespace": live["metadata"]["namespace"],
                "labels": dict(metadata.get("labels") or {}),
                "annotations": annotations,
                "ownerReferences": [owner_reference(live)],
            },
            "spec": template["spec"],
        }
        try:
            return ctx.create(Kinds.jobs, made)
        except AlreadyExists:  # the status that says so was not written; the Job is this firing's
            return ctx.view.get(Kinds.jobs, made["metadata"]["name"], made["metadata"]["namespace"]) or made

    def _trim(self, live: Object, jobs: list[Object], ctx: Context) -> None:
        done = sorted(
            (job for job in jobs if end_of_job(job)), key=lambda job: job["metadata"]["creationTimestamp"]
        )
        keep = live["spec"].get("successfulJobsHistoryLimit", 3)
        for job in done[: len(done) - keep] if keep else done:
            ctx.delete(Kinds.jobs, job)

    def _tell(
        self, live: Object, active: list[Object], jobs: list[Object], last: datetime | None, ctx: Context
    ) -> None:
        ended = max((dig(job, "status", "completionTime", default="") for job in jobs), default="")
        told = [
            {"apiVersion": "batch/v1", "kind": "Job", "name": job["metadata"]["name"],
             "namespace": job["metadata"]["namespace"], "uid": job["metadata"].get("uid", "")}
            for job in active
        ]  # fmt: skip
        status: dict[str, Any] = {"active": told or None}
        if last is not None:
            status["lastScheduleTime"] = last.strftime("%Y-%m-%dT%H:%M:%SZ")
        if ended and ended > dig(live, "status", "lastSuccessfulTime", default=""):
            status["lastSuccessfulTime"] = ended
        ctx.status(Kinds.cron_jobs, live, status)
