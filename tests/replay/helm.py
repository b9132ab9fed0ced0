"""Helm's records, made as Helm makes them."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

from tests.replay.builders import obj

HIDDEN = "hunter2-hunter2"
"""A value of a chart, which nobody may be told."""


def packed(manifest: str) -> str:
    """What stands under `release` in a ConfigMap, and encoded once more in a Secret."""
    release = {"name": "web", "config": {"password": HIDDEN}, "manifest": manifest}
    return base64.b64encode(gzip.compress(json.dumps(release).encode(), mtime=0)).decode()


def record(
    manifest: str, *, revision: int = 1, status: str = "deployed", name: str = "web"
) -> dict[str, Any]:
    """A record of the Secret driver in the shop."""
    return obj(
        "Secret",
        f"sh.helm.release.v1.{name}.v{revision}",
        "shop",
        labels={"owner": "helm", "name": name, "version": str(revision), "status": status},
        type="helm.sh/release.v1",
        data={"release": base64.b64encode(packed(manifest).encode()).decode()},
    )
