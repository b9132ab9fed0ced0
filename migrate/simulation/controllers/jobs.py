"""Job to pods that end by themselves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from migrate.errors import AlreadyExists
from migrate.model.objects import Object, dig, end_of_job
from migrate.simulation.controllers.context import (
    Context,
    conditions_with,
    owner_key,
    pod_from,
    suffix,
    watching,
)
from migrate.simulation.controllers.index import Pod
from migrate.simulation.controllers.replicasets import delete_pod
from migrate.simulation.controllers.view import Event, Key, Kinds

INDEX = "batch.kubernetes.io/job-completion-index"


class Jobs:
    """Keeps `parallelism` pods until `completions` have succeeded; none fails here."""

    name = "jobs"
    watches = watching(Kinds.jobs, Kinds.pods)

    def keys(self, event: Event, ctx: Context) -> Iterable[Key]:
        """Jobs themselves, and those whose pods changed."""
        del ctx
        if event.plural == "jobs":
            return () if event.deleted else (event.key,)
        return owner_key(event, "Job")

    def reconcile(self, key: Key, ctx: Context) -> None:
        """Create pods, count the ended ones, and finish."""
        live = ctx.view.get(Kinds.jobs, key.name, key.namespace)
        if live is None or live["metadata"].get("deletionTimestamp"):
            return
        if end_of_job(live):
            self._expire(live, ctx)
            return
        pods = ctx.index.owned(live["metadata"]["uid"])
        running = [pod for pod in pods if pod.active]
        done = sum(1 for pod in pods if pod.phase == "Succeeded")
        spec = live["spec"]
        wanted = spec.get("completions") or spec.get("parallelism", 1)
        if spec.get("suspend"):
            for pod in running:
                delete_pod(pod, ctx)
            self._tell(live, len(running), done, ctx, suspended=True)
            return
        if done >= wanted:
            self._complete(live, done, ctx)
            return
        self._tell(live, len(running), done, ctx, suspended=False)
        missing = min(spec.get("parallelism", 1), wanted - done) - len(running)
        for number in self._numbers(live, pods, max(missing, 0), wanted):
            self._create(live, number, len(pods), ctx)

    def _numbers(self, live: Object, pods: list[Pod], missing: int, wanted: int) -> list[int]:
        """Which pods to make next: free completion indexes, or numbers not used yet."""
        if live["spec"].get("completionMode") == "Indexed":
            taken = {int(pod.labels.get(INDEX, -1)) for pod in pods if pod.active or pod.phase == "Succeeded"}
            return [number for number in range(wanted) if number not in taken][:missing]
        return list(range(len(pods), len(pods) + missing))

    def _create(self, live: Object, number: int, attempts: int, ctx: Context) -> None:
        name, labels = live["metadata"]["name"], {}
        if live["spec"].get("completionMode") == "Indexed":
            labels[INDEX] = str(number)
            name = f"{name}-{number}"
        pod = pod_from(
            live["spec"]["template"], live, f"{name[:57]}-{suffix(name, number, attempts)}", **labels
        )
        if labels:
            pod["metadata"].setdefault("annotations", {}).update(labels)
        try:
            ctx.create(Kinds.pods, pod)
        except AlreadyExists:  # a pod of an earlier Job of that name still ends
            ctx.view.later(self.name, Key(live["metadata"]["namespace"], live["metadata"]["name"]), ctx.now + timedelta(seconds=10))  # fmt: skip

    def _tell(self, live: Object, active: int, done: int, ctx: Context, *, suspended: bool) -> None:
        status: dict[str, object] = {
            "active": active or None,
            "succeeded": done or None,
            "ready": 0 if suspended else active,
        }
        was = any(c["type"] == "Suspended" for c in dig(live, "status", "conditions", default=()))
        if suspended:
            told = ("Suspended", True, "JobSuspended", "Job suspended")
            status["conditions"], status["startTime"] = conditions_with(live, ctx.stamp, told), None
        else:
            status["startTime"] = dig(live, "status", "startTime") or ctx.stamp
            if was:
                told = ("Suspended", False, "JobResumed", "Job resumed")
                status["conditions"] = conditions_with(live, ctx.stamp, told)
        ctx.status(Kinds.jobs, live, status)

    def _complete(self, live: Object, done: int, ctx: Context) -> None:
        reason = ("CompletionsReached", "Reached expected number of succeeded pods")
        status: dict[str, object] = {
            "active": None,
            "ready": 0,
            "succeeded": done,
            "startTime": dig(live, "status", "startTime") or ctx.stamp,
            "completionTime": ctx.stamp,
            "uncountedTerminatedPods": {},
            "conditions": conditions_with(
                live, ctx.stamp, ("SuccessCriteriaMet", True, *reason), ("Complete", True, *reason)
            ),
        }
        ctx.status(Kinds.jobs, live, status)

    def _expire(self, live: Object, ctx: Context) -> None:
        ttl = live["spec"].get("ttlSecondsAfterFinished")
        ended = dig(live, "status", "completionTime")
        if ttl is None or not ended:
            return
        due = datetime.fromisoformat(ended) + timedelta(seconds=ttl)
        if due <= ctx.now:
            ctx.delete(Kinds.jobs, live)
        else:
            ctx.view.later(self.name, Key(live["metadata"]["namespace"], live["metadata"]["name"]), due)
