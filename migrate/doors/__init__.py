"""The Protocols through which the world is touched, and the values that pass through them.

Lives here: what a real and a simulated side have in common. Never here: either side, or a decision.
"""
