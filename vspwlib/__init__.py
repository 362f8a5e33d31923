"""vspwlib: video scene parsing on VSPW, from data to an exact two-model ensemble.

Importing the package loads nothing heavy; torch and friends are imported by the modules that use them.
"""

__version__ = "0.1.0"
