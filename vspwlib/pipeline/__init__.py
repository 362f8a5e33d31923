"""From a recipe to results: the one place that joins data, networks, training, prediction, ensembling and scores.

The command line, the notebooks and the app call these functions; none of them assembles anything itself.
"""
