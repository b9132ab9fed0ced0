"""Ways of making green, with real programs."""
