"""Training losses. Labels come in as tensors; nothing here knows files or data sets."""
