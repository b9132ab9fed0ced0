"""Runs the controllers over one cluster, a round at a time, on what has changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from migrate.errors import DoorError
from migrate.simulation.controllers.apiservices import APIServices
from migrate.simulation.controllers.attachments import Attachments
from migrate.simulation.controllers.autoscalers import Autoscalers
from migrate.simulation.controllers.context import Context, Controller
from migrate.simulation.controllers.crds import Definitions
from migrate.simulation.controllers.cronjobs import CronJobs
from migrate.simulation.controllers.daemonsets import DaemonSets
from migrate.simulation.controllers.deployments import Deployments
from migrate.simulation.controllers.endpoints import Endpoints
from migrate.simulation.controllers.garbage import Foreground, Garbage
from migrate.simulation.controllers.ingresses import Ingresses
from migrate.simulation.controllers.jobs import Jobs
from migrate.simulation.controllers.kubelet import Kubelet
from migrate.simulation.controllers.loadbalancers import LoadBalancers
from migrate.simulation.controllers.namespaces import Namespaces
from migrate.simulation.controllers.nodes import Nodes
from migrate.simulation.controllers.replicasets import replica_sets
from migrate.simulation.controllers.scheduler import Scheduler
from migrate.simulation.controllers.statefulsets import StatefulSets
from migrate.simulation.controllers.view import Event, Key
from migrate.simulation.controllers.volumes import Claims, Volumes

RETRY = timedelta(seconds=10)
"""When a key whose write was refused comes back; the real work queue backs off up to 1000 s."""

_LONGEST_RETRY = timedelta(seconds=640)


def controllers() -> tuple[Controller, ...]:
    """All of them, in the order in which one round runs them."""
    return (
        Definitions(),
        Namespaces(),
        Garbage(),
        Foreground(),
        Nodes(),
        Deployments(),
        *replica_sets(),
        StatefulSets(),
        DaemonSets(),
        CronJobs(),
        Jobs(),
        Volumes(),
        Claims(),
        Scheduler(),
        Kubelet(),
        Attachments(),
        Endpoints(),
        APIServices(),
        LoadBalancers(),
        Ingresses(),
        Autoscalers(),
    )


class Manager:
    """The controllers of one cluster."""

    def __init__(self, among: Sequence[Controller] | None = None) -> None:
        self._controllers = tuple(among) if among is not None else controllers()
        self._refused: dict[tuple[str, Key], int] = {}
        self._asked: dict[tuple[str, str], tuple[Controller, ...]] = {}

    def round(self, ctx: Context) -> Sequence[Event]:
        """Set right everything that changed or came due; the events that it went by.

        A refusal leaves its key for a later time (`RETRY`, doubling); any other error of the door leaves the round.
        """
        events = ctx.view.events()
        ctx.index.follow(events)
        queues: dict[str, dict[Key, None]] = {controller.name: {} for controller in self._controllers}
        for name, key in ctx.view.due(ctx.now):
            queues.setdefault(name, {})[key] = None
        for event in events:
            for controller in self._watching(event.group, event.plural):
                for key in controller.keys(event, ctx):
                    queues[controller.name][key] = None
        for controller in self._controllers:
            for key in queues[controller.name]:
                self._reconcile(controller, key, ctx)
        return events

    def _watching(self, group: str, plural: str) -> tuple[Controller, ...]:
        """The controllers that are asked about a resource's events."""
        what = (group, plural)
        if what not in self._asked:
            self._asked[what] = tuple(c for c in self._controllers if c.watches is None or what in c.watches)
        return self._asked[what]

    def _reconcile(self, controller: Controller, key: Key, ctx: Context) -> None:
        try:
            controller.reconcile(key, ctx)
        except DoorError:
            attempts = self._refused.get((controller.name, key), 0)
            self._refused[controller.name, key] = attempts + 1
            ctx.view.later(controller.name, key, ctx.now + min(RETRY * 2**attempts, _LONGEST_RETRY))
        else:
            self._refused.pop((controller.name, key), None)
