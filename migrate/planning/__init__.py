"""From a migration file and facts to a Plan; pure.

Lives here: the file and its errors, what a route needs, the composed Plan. Never here: a cluster, a clock, an act.
"""
