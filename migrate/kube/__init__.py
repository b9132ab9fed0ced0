"""The real side of the cluster door: one Kubernetes API server over HTTPS.

Lives here: kubeconfigs and credentials (by the official client), raw JSON over kept connections, discovery, and the
turning of statuses and dropped connections into our words. Never here: a decision about what to write, or when.
"""
