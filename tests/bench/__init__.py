"""Measurements, printed as one table by `python -m tests.bench`.

Lives here: what makes a big blue, and one file per thing that is measured. Never here: a test, or a limit that fails.
"""
