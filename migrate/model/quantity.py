"""Kubernetes' quantities, such as 8Gi or 250m, as numbers."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60,
          "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18}  # fmt: skip


def quantity(value: Any, scale: int = 1) -> int:
    """A Kubernetes quantity as an integer, times `scale` (1000 for millicores); 0 for what cannot be read.

    Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
    """
    return _quantity(str(value), scale)


@lru_cache(maxsize=4096)
def _quantity(text: str, scale: int) -> int:
    factor = 1.0
    if text.endswith("m"):
        text, factor = text[:-1], 0.001
    for unit, size in _UNITS.items():
        if text.endswith(unit):
            text, factor = text[: -len(unit)], float(size)
            break
    try:
        return round(float(text) * factor * scale)
    except ValueError:
        return 0
