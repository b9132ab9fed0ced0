"""What this program writes into the objects it makes, so that it knows them again and `finish` can take it away.

A key here is a promise: objects on a green of an earlier run carry it.
"""

from __future__ import annotations

from migrate.model.objects import Object, annotations_of

PREFIX = "cnimigrate.io/"
"""Everything of ours in annotations and labels begins with it."""

RUN = f"{PREFIX}run"
"""Annotation: the id of the run that wrote the object."""

SOURCE_UID = f"{PREFIX}source-uid"
"""Annotation: the UID of the object on blue that this one was made from."""

SOURCE_HASH = f"{PREFIX}source-hash"
"""Annotation: the keyed hash (HMAC, key per run) of what was written, without our annotations."""

PASS = f"{PREFIX}pass"
"""Annotation: the pass over a claim's data for which the object was made; it goes with the pass."""

HELD = f"{PREFIX}held"
"""Annotation: JSON `{"prior": …, "absent": […]}`, what the held fields were on blue."""

PRIOR = f"{PREFIX}prior"
"""Annotation of what is put to rest on blue: the merge patch that takes it back, null for what was absent, and itself."""

PARKED = f"{PREFIX}parked"
"""Node selector key that no node carries, and the scheduling gate of a held Pod."""

PARKED_CLASS = "cnimigrate-parked"
"""Ingress and Gateway class that no controller serves."""


def is_ours(key: str) -> bool:
    """Whether an annotation or label key is one of ours."""
    return key.startswith(PREFIX)


def unmarked(obj: Object) -> Object:
    """The object without our annotations; an annotations map that held nothing else goes with them."""
    annotations = annotations_of(obj)
    if not any(is_ours(key) for key in annotations):
        return obj
    kept = {key: value for key, value in annotations.items() if not is_ours(key)}
    metadata = {key: value for key, value in obj["metadata"].items() if key != "annotations"}
    if kept:
        metadata["annotations"] = kept
    return {**obj, "metadata": metadata}
