"""The handlers of Actions, one kind each: observe, act, read back, through the doors and nothing else.

Lives here: how a change is made and seen. Never here: which change to make, or in what order.
"""
