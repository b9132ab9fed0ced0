"""The lab: real Kubernetes control planes on this machine, without containers and without downloads of programs.

Here live the building of etcd, the API server, its controllers and kwok, and the starting and ending of
them in pairs called blue and green. Nothing here imports migrate: what is under test does not set up its test.
"""
