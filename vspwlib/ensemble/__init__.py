"""Ensembling: fuse the class probabilities of several runs, and find out with which weights.

``result`` opens without torch; ``fuse`` has the definitions, ``sweep`` all labels and scores of a pair for every tau.
"""
