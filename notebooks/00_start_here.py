# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Start here
#
# What the library does, on data that it draws itself, in two minutes: look at a data set, train, predict,
# score, and combine two models. The notebooks `table1_backbones` to `table6_teams` each take a table of the
# paper from its rows to its figures.
#
# Cells read what has been published in `results/`; with `RUN = True` this one trains two tiny networks of its
# own first.

# %% tags=["parameters"]
RUN = False  # True draws a small data set, trains two networks and combines them
ITERATIONS = 40
WORKSPACE = "../workspace/start_here"

# %%
from pathlib import Path

import numpy as np
from IPython.display import Markdown

from vspwlib.labels import CLASSES, NUM_CLASSES, colourise
from vspwlib.report.tables import to_markdown

RESULTS = Path("../results")

# %% [markdown]
# ## Labels
#
# 124 classes in groups. Mask files hold 0 for *other* and 1 to 124; the library speaks of ids 0 to 123 and of
# 255, void.

# %%
Markdown(to_markdown([{"id": item.id, "name": item.name, "group": item.group} for item in CLASSES[:6]]))

# %% [markdown]
# ## Data
#
# One reader for VSPW's tree, for CamVid, for folders of frames and for mp4 files. The embedded data set has
# VSPW's tree and labels, and is drawn the same on every machine. `MiniSpec` makes it small.

# %%
from vspwlib.data.images import read_image, read_mask
from vspwlib.data.index import open_split
from vspwlib.data.synthetic import MiniSpec, make_mini

sizes = MiniSpec(train=4, test1=1, test2=1, coco=0, ade=0, train_frames=(4, 5), frames=(18, 18))
root = make_mini(Path(WORKSPACE) / "data", spec=sizes) / "vspw"
split = open_split(root, "test1")
frame, mask = next(split.labelled())
f"{len(split.videos)} video, {split.num_frames} frames, {NUM_CLASSES} classes"

# %%
from PIL import Image

Image.fromarray(np.concatenate([read_image(frame.image), colourise(read_mask(mask))], axis=1))

# %% [markdown]
# ## A recipe
#
# Every row of a table is a recipe: frozen dataclasses, a function a row. What differs between two rows is what
# you see differ.

# %%
from vspwlib.pipeline.training import differing_settings
from vspwlib.recipes import recipe

plain, contrastive = recipe("t3_baseline", "mini"), recipe("t3_nce2", "mini")
names = [name.split(".") for name in differing_settings(plain, contrastive) if "." in name]
values = [[str(one.to_dict()[group][key]) for one in (plain, contrastive)] for group, key in names]
named = [".".join(name) for name in names]
Markdown(to_markdown([{"setting": name, "plain": a, "NCE_2": b} for name, (a, b) in zip(named, values, strict=True)]))

# %% [markdown]
# ## Train, predict, score
#
# The same as `vspw train`, `vspw predict` and `vspw score`. A run is a folder; predictions are class scores on
# a stride-4 grid, from which probabilities, labels and every ensemble follow.

# %%
if RUN:
    from vspwlib.config import override
    from vspwlib.pipeline.prediction import predict
    from vspwlib.pipeline.scoring import score
    from vspwlib.pipeline.training import train
    from vspwlib.runs import Workspace

    place, scores = Workspace(Path(WORKSPACE)), {}
    for name in ("t3_baseline", "t2_896"):
        small = override(recipe(name, "mini"), {"train.iterations": str(ITERATIONS), "train.checkpoint_every": "1000"})
        run = train(small, place, {"vspw": root}, overwrite=True)
        store, _ = predict(run, place, "test1", data={}, overwrite=True)
        scores[run.name] = score(store, root, "test1")

# %%
from vspwlib.report.results import read_results

if RUN:
    table = [{"run": name, "mIoU": 100 * one.miou} for name, one in scores.items()]
else:
    found = {**read_results(RESULTS, "table3", "mini"), **read_results(RESULTS, "table2", "mini")}
    table = [{"run": name, "mIoU": 100 * found[name][0].miou("test1")} for name in ("t3_baseline", "t2_896")]
Markdown(to_markdown(table, decimals=2))

# %% [markdown]
# ## Combine
#
# P = τ·P1 + (1−τ)·P2 at every τ, exactly, in one pass.

# %%
if RUN:
    from vspwlib.pipeline.ensembling import sweep
    from vspwlib.pipeline.prediction import data_label

    curve = sweep(place, *scores, data_label(root), "test1")
else:
    curve = read_results(RESULTS, "table4", "mini")["t4_pair"][0].sweep("test2")
ends = f"P1 {100 * curve.at(1.0):.2f}, P2 {100 * curve.at(0.0):.2f}"
f"{ends}, best {100 * curve.best_miou:.2f} at τ = {curve.best_tau:.3f}"

# %%
assert curve.best_miou >= max(curve.at(0.0), curve.at(1.0)), "the best of all τ is no worse than either end"
assert all(0 <= row["mIoU"] <= 100 for row in table)

# %% [markdown]
# ## Where to go
#
# - `vspw demo` does all this at a size worth looking at, and `streamlit run app.py` shows it.
# - `table2_multidataset` has the clearest effect, `table4_tau` the most to play with.
# - On real data: `docs/full_scale.md`.
