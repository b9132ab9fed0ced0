"""What the steps have in common."""
