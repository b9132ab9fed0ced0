"""Move a Kubernetes cluster off Weave, Flannel or Canal and onto Calico, blue to green, resumable at every step."""

__version__ = "0.1.0"
