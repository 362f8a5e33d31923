"""Metrics: confusion counts, video consistency, and the score of a split. Needs NumPy only."""
