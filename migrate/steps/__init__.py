"""The steps of a move, one file each: observe through the doors, decide purely, yield what is still to do.

Lives here: what a phase does, in which order. Never here: how an Action is done, or how a run is made durable.
"""
