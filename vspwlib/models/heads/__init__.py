"""Decode heads: feature maps to class logits (or queries) and the embedding that the contrastive loss reads."""
