"""Ensembling: fuse the class probabilities of several runs, and find out with which weights.

``result`` opens without torch; ``fuse``, ``pair`` and ``sweep`` work on torch tensors, on CPU or GPU.
"""
