"""Training: objective, optimiser, checkpoints and the loop. Nothing here knows recipes; callers pass flat arguments."""
