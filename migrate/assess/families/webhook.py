"""WEBHOOK: admission webhooks that could refuse or change what is replayed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from migrate.assess.families import Code, Situation
from migrate.assess.wording import few
from migrate.model.facts import Finding, Severity
from migrate.model.inventory import Inventory
from migrate.model.objects import dig, kind_of, name_of
from migrate.replay.admission import service_of

CLOSED = Code(
    "WEBHOOK-001",
    Severity.WARNING,
    "webhooks of blue fail closed",
    "Webhook configurations with failurePolicy: Fail (the default) whose backend is a Service of the cluster. They are "
    "replayed after their backends are ready, mutating ones before the first pod that they would change.",
    "While a backend does not answer, the API server refuses every object that the webhook is asked about.",
    "Check that each backend may run on both sides; if it may not, its configuration and what it changes wait together.",
)
ON_GREEN = Code(
    "WEBHOOK-002",
    Severity.WARNING,
    "green already has webhooks that fail closed",
    "They see every object that the replay writes.",
    "They may refuse or change objects that stand unchanged on blue.",
    "Write one object of each kind with kubectl apply --dry-run=server on green before the replay.",
)
BY_URL = Code(
    "WEBHOOK-003",
    Severity.WARNING,
    "webhooks are called at an address of blue",
    "The URL of a webhook names an address inside blue's pod, service or node ranges, or a node of blue.",
    "On green the address belongs to nobody: every object that the webhook is asked about is refused.",
    "Let the webhook name a Service, or an address that both clusters reach.",
)
CODES = (CLOSED, ON_GREEN, BY_URL)
_KINDS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


def find(situation: Situation) -> Iterator[Finding]:
    """Look at the webhook configurations of both clusters."""
    own = [(c, w) for c, w in _webhooks(situation.blue_inventory) if situation.moves(c)]
    closed = [_said(c, w) for c, w in own if _fails_closed(w) and service_of(w.get("clientConfig"))]
    if closed:
        yield CLOSED.found(few(closed))
    local = [
        _said(c, w)
        for c, w in own
        if any(situation.literals.in_text(str(dig(w, "clientConfig", "url", default=""))))
    ]
    if local:
        yield BY_URL.found(few(local))
    if situation.green_inventory is not None:
        there = [_said(c, w) for c, w in _webhooks(situation.green_inventory) if _fails_closed(w)]
        if there:
            yield ON_GREEN.found(few(there))


def _webhooks(inventory: Inventory) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for kind in _KINDS:
        for configuration in inventory.of(kind, "admissionregistration.k8s.io"):
            for webhook in configuration.get("webhooks") or ():
                yield configuration, webhook


def _fails_closed(webhook: Mapping[str, Any]) -> bool:
    return bool(webhook.get("failurePolicy", "Fail") == "Fail")


def _host(webhook: Mapping[str, Any]) -> str:
    url = str(dig(webhook, "clientConfig", "url", default=""))
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2].partition(":")[0]


def _said(configuration: Mapping[str, Any], webhook: Mapping[str, Any]) -> str:
    service = service_of(webhook.get("clientConfig"))
    where = f"Service {'/'.join(service)}" if service else _host(webhook)
    return f"{kind_of(configuration)} {name_of(configuration)} {webhook.get('name', '')} -> {where}"
