"""What Calico's manifests and objects mean: composing an installation, validating, and judging what is found.

Lives here: pure functions over manifests and inventories. Never here: a door, a clock, a cluster; imports nothing
of ours but the model and errors.
"""
