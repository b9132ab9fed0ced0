"""The simulated world: its API server, its controllers, its time and its faults."""
