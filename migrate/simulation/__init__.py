"""The simulated sides of the doors, and the one file that they share.

Lives here: an API server, its controllers, a balancer with clients, a clock and a maker of clusters, all in one
SQLite file. Never here: a real cluster, wall-clock time, or a Secret's value out of a real cluster.
"""
