"""Frozen values that every other package speaks in.

Lives here: ids, objects, facts, the migration, the Plan, Actions, verdicts, progress.
Never here: I/O, a clock, a door. Imports nothing of ours but errors.
"""
