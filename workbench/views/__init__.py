"""One file a page: pick, read, draw."""
