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
# # Table 4: every τ of the soft ensemble
#
# P = τ·P1 + (1−τ)·P2, P1 the contrastive model and P2 the multi-dataset model. The paper scores eleven τ on
# Test2 and submits the best, 65.95 at τ = 0.4 (paper). Here **all** τ are scored exactly in one pass: per
# pixel, the classes that win for some τ are those on the upper envelope of straight lines, so mIoU(τ) is a step
# function whose steps can be listed.
#
# **The claims to check: the best τ lies inside (0, 1), and a τ that was chosen on one split is worth having on
# another.**

# %% tags=["parameters"]
PROFILE = "mini"  # mini: the embedded data; camvid: real driving video; vspw: the paper's scale
SEEDS = "0,1,2"
RUN = False  # True trains, predicts and scores what results/ does not hold yet

# %%
from pathlib import Path

from IPython import get_ipython
from IPython.display import Markdown

from vspwlib.report.paper_tables import require_published, results_of, table_split
from vspwlib.report.plots import tau_plot
from vspwlib.report.printing import printed_table
from vspwlib.report.tables import PAPER_TABLE4, intervals_text, to_markdown

# %matplotlib inline

# %%
RESULTS = Path("../results")
if RUN:
    options = f"--profile {PROFILE} --seeds {SEEDS} --results {RESULTS} --workspace ../workspace"
    get_ipython().system(f"vspw tables 4 {options}")
    assert get_ipython().user_ns["_exit_code"] == 0, "some row was not run: see above"

# %% [markdown]
# ## The table

# %%
table = printed_table(4, PROFILE, RESULTS)
rows = table.rows
Markdown(table.markdown)

# %% [markdown]
# ## The curve
#
# Dots are the paper's eleven τ, the star is the best of all τ, the band is where that best falls when the
# videos are drawn anew.

# %%
require_published(rows, 4, PROFILE)
split = table_split(4, PROFILE)
results = results_of("t4_pair", PROFILE, RESULTS)
curves = {f"seed {result.seed}": result.sweep(split) for result in results}
tau_plot(curves, PAPER_TABLE4)

# %% [markdown]
# **The paper's endpoint rows look swapped.** As printed, the curve jumps 1.75 points from τ = 0 to 0.1 and
# rises again from 0.9 to 1.0. A sum of two models has no reason to do either: near an endpoint almost no pixel
# changes its class. With the two labels exchanged (orange) the eleven figures have one peak, and the
# multi-dataset model is the better one alone, as it is on Test1 (61.32 against 60.95, paper). The figures are
# shown as printed everywhere in this project.

# %% [markdown]
# ## How sure is the best τ

# %%
lines = [f"- {name}: {intervals_text(curve.intervals)}" for name, curve in curves.items() if curve.intervals]
Markdown("\n".join(lines))

# %% [markdown]
# ## Choosing τ beforehand
#
# The best τ on the split it is scored on is an upper bound. Chosen on the profile's validation split instead:

# %%
chosen = []
for result in (one for one in results if one.content["fitted"]):
    curve, fitted = result.sweep(split), result.content["fitted"]
    ends = {"P1 alone": 100 * curve.at(1.0), "P2 alone": 100 * curve.at(0.0), "mean": 100 * curve.mean_miou}
    own = {"τ of " + fitted["split"]: f"{fitted['tau']:.3f}", "mIoU at it": 100 * fitted["miou"][split]}
    chosen.append({"seed": result.seed, **ends, **own, "best": 100 * curve.best_miou})
Markdown(to_markdown(chosen, decimals=2))

# %% [markdown]
# ## What can be concluded
#
# - On the embedded data the best τ lies inside (0, 1) at every seed, and a τ from the other split keeps most of
#   the gain. On CamVid's single seed one member is far ahead and the best τ is 1: an ensemble of unequal
#   members is its better member.
# - A split of ten videos does not tell a τ to the first decimal: the bands are wide, and the interval of the
#   gain holds 0. The paper's split has many more videos, and its eleven figures differ by less than what
#   drawing ours anew does.
# - Two exact facts come for free: the curve at any τ, for any class (`workbench`, page Ensemble), and that
#   eleven points miss little.

# %%
inside = [0 < curve.best_tau < 1 for curve in curves.values()]
assert all(inside) or PROFILE != "mini", "the best τ lies inside (0, 1)"
for row in chosen:
    assert row["mIoU at it"] <= row["best"] + 1e-9, "no τ beats the best one"
gain = sum(row["mIoU at it"] - max(row["P1 alone"], row["P2 alone"]) for row in chosen) / max(len(chosen), 1)
assert gain >= 0 or PROFILE != "mini", "τ of another split is worth having on average"
f"a τ chosen beforehand gains {gain:+.2f} points over the better run alone"

# %% [markdown]
# ## Drag τ yourself
#
# With a workspace that holds predictions of a pair (`make demo`), the view recolours as τ moves.

# %%
workspace = Path("../workspace")
pair = ("t3_nce2", "t2_896_map_drop")
shown = [sorted((workspace / "predictions").glob(f"*{name}*/*-test2.zarr"))[:1] for name in pair]
if all(shown):
    from vspwlib.predict.store import ScoreStore
    from vspwlib.runs import Workspace
    from workbench.live.clip import Clip
    from workbench.live.widget import live_view

    video = ScoreStore.open(shown[0][0]).videos()[0]
    view = live_view(Clip(Workspace(workspace), [one for (one,) in shown], video), state={"tau": 0.4})
view if all(shown) else "no pair in ../workspace: make demo"
