"""Webhook configurations: what v1beta1 took for granted where nothing was said is said, as v1 takes other things so.

Source: https://kubernetes.io/docs/reference/using-api/deprecation-guide/#webhook-resources-v122. What a webhook says of its
side effects is sanitising's matter, as v1 serves values that it does not take.
"""

from __future__ import annotations

from migrate.model.objects import Object
from migrate.replay import kinds
from migrate.replay.conversions.conversion import Conversion
from migrate.replay.edits import changed

_DEFAULTS = {
    "admissionReviewVersions": ["v1beta1"],
    "failurePolicy": "Ignore",
    "matchPolicy": "Exact",
    "sideEffects": "Unknown",
    "timeoutSeconds": 30,
}
"""The defaults of v1beta1."""


def _configuration(obj: Object) -> Object:
    return changed(obj, ("webhooks",), lambda hooks: [{**_DEFAULTS, **hook} for hook in hooks or ()])


def _note(obj: Object) -> str:
    unsaid = [
        str(hook.get("name"))
        for hook in obj.get("webhooks") or ()
        if hook.get("sideEffects") not in {"None", "NoneOnDryRun"}
    ]
    return f"v1 takes no webhook with side effects: None is said of {', '.join(unsaid)}" if unsaid else ""


CONVERSIONS = tuple(
    Conversion(kind, "v1beta1", "v1", _configuration, _note)
    for kind in (kinds.MUTATING_WEBHOOKS, kinds.VALIDATING_WEBHOOKS)
)
