"""Sampling operators of the networks, in plain PyTorch: multi-scale deformable attention and DCNv3."""
