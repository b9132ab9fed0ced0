"""One suite of behaviours for each family of doors, run against its real and its simulated members."""
