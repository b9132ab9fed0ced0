"""The one canonical form of a value, and the digests taken of it.

Canonical form is JSON with sorted keys, no white space and exact integers: Calico's sequence numbers exceed
2^53, so numbers are never passed through a float.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

# made once: this is called for every object; what was read as JSON has no cycles to look for
_ENCODER = json.JSONEncoder(
    check_circular=False, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


def canonical(value: Any) -> str:
    """Render a JSON value in canonical form; raises TypeError for what JSON cannot hold, ValueError for NaN."""
    return _ENCODER.encode(value)


def digest(value: Any) -> str:
    """Hash a JSON value with SHA-256, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def keyed_digest(key: bytes, value: Any) -> str:
    """Hash a JSON value with HMAC-SHA-256; for hashes that leave the machine, as a small Secret's could be guessed."""
    return hmac.new(key, canonical(value).encode(), hashlib.sha256).hexdigest()
