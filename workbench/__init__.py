"""The workbench: a web application over a workspace. Pages read through ``data``, and compute nothing themselves."""
