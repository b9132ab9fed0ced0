"""The real sides of the mover's door."""
