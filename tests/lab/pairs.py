"""Blue and green as the lab makes them: ranges that do not overlap, as a move needs them."""

from __future__ import annotations

from tests.lab.components import Spec

BLUE = Spec("blue", pod_cidr="10.32.0.0/12", service_cidr="10.96.0.0/16", node_cidr="198.18.0.0/16")
GREEN = Spec("green", pod_cidr="10.48.0.0/14", service_cidr="10.112.0.0/16", node_cidr="198.19.0.0/16")
SPECS = (BLUE, GREEN)
