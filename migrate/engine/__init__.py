"""Drives a Plan: journal, lock, gates, in-doubt, undo.

Lives here: what makes a run durable. Never here: Kubernetes, a decision about a cluster, a screen.
"""
