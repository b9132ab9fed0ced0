"""Stand-ins for the controllers, the scheduler and the kubelets of a cluster, one file each.

They act through the cluster door only and read through a View, so that the same code plays on a real API server.
Never here: a wall clock, randomness, or knowledge of which side is which.
"""
