"""Data: find videos and frames, read them, make training clips, check and prepare trees."""
