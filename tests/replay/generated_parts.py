"""What generated objects of every kind have in common: labels, annotations, selectors, quantities, texts."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

Json = dict[str, Any]


def const(value: Any) -> SearchStrategy[Any]:
    """Always this value."""
    return st.just(value)


def either(*values: Any) -> SearchStrategy[Any]:
    """One of these values."""
    return st.sampled_from(values)


def parts(required: dict[str, SearchStrategy[Any]], **optional: SearchStrategy[Any]) -> SearchStrategy[Json]:
    """A mapping with its required keys, and some of the optional ones."""
    return st.fixed_dictionaries(required, optional=optional)


def specs(spec: SearchStrategy[Json]) -> SearchStrategy[Json]:
    """The body of an object that has a spec and nothing else."""
    return parts({"spec": spec})


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
"""Text with everything that JSON can carry, but NUL."""

KEYS = either("a", "app.kubernetes.io/name", "A_b.c-9", f"{'d' * 63}.{'e' * 63}.example.net/{'f' * 63}")
LABEL_VALUES = either("", "a", "1.2_b-C", "v" * 63)
LABELS = st.dictionaries(KEYS, LABEL_VALUES, max_size=3)

STATES = st.dictionaries(
    either(
        "cni.projectcalico.org/podIP",
        "k8s.v1.cni.cncf.io/network-status",
        "flannel.alpha.coreos.com/backend-type",
        "kube-peers.weave.works/peers",
    ),
    const("[]"),
    min_size=1,
    max_size=2,
)
"""A network's notes about blue's pods."""

ANNOTATIONS = st.dictionaries(KEYS, TEXTS | const("") | const("ö" * 4000), max_size=3)
NOTES = either(
    {},
    {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
    {"control-plane.alpha.kubernetes.io/leader": "{}", "cnimigrate.io/run": "an-earlier-one"},
    {"deployment.kubernetes.io/revision": "7"},
)
"""What servers, controllers and an earlier run of ours noted at an object."""

SELECTORS = either(
    {},
    {"matchLabels": {}},
    {"matchLabels": {"a": ""}},
    {"matchExpressions": [{"key": "a", "operator": "In", "values": ["", "b"]}]},
    {"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}], "matchLabels": {"b": "c"}},
)

QUANTITIES = either("0", "100m", "0.1", "1e3", "1024Mi", "1.5Gi", "12Ei", "9007199254740993")
"""Quantities in every spelling; the server keeps some and rewrites others."""


def _bundle() -> str:
    """A certificate that servers can read, as they spell it in a caBundle."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "generated")])
    began = datetime(2026, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(began)
        .not_valid_after(began + timedelta(days=36500))
        .sign(key, hashes.SHA256())
    )
    return base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()


BUNDLE = _bundle()


@st.composite
def metadata(draw: st.DrawFn) -> Json:
    """Metadata without a name."""
    found: Json = draw(parts({}, labels=LABELS, finalizers=const(["example.net/hold"])))
    annotations = {**draw(NOTES), **draw(ANNOTATIONS)}
    if annotations:
        found["annotations"] = annotations
    return found


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | TEXTS
)
VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)
"""Anything that JSON can say, numbers beyond 2^53 too."""

FREE = st.dictionaries(TEXTS, VALUES, max_size=4)
"""The spec of a custom resource whose schema asks for nothing."""
