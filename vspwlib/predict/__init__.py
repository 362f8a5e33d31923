"""From frames to class scores: sliding windows, the score store, label maps and video files.

Import the module you need (``vspwlib.predict.predictor``, ``.store``, …); nothing is loaded here.
"""
