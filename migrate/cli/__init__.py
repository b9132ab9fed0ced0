"""The command line: one file a command, one place where an error becomes a message, one where sides are picked.

Lives here: what people type and see. Never here: a decision about a cluster, or how a run is made durable.
"""
