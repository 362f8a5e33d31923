"""The embedded data set "mini": rendered videos in VSPW's tree, and photographs in COCO-Stuff's and ADE20K's.

It needs no download and is made in seconds, so that every mechanism of the project runs from an empty folder. It is
no substitute for VSPW: scores on it say that the mechanisms work, not how well a network sees the world.
"""

from vspwlib.data.synthetic.make import make_mini
from vspwlib.data.synthetic.plan import MiniSpec

__all__ = ["MiniSpec", "make_mini"]
