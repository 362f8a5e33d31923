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
# # Table 2: a larger crop, more data, dropout
#
# The paper's multi-dataset model: BEiTv2-Adapter with Mask2Former at crop 480, then at 896, then with the
# photographs of COCO-Stuff whose labels were mapped to VSPW's 124 classes, then with dropout 0.5. Each step
# gained on Test1. ADE20K, mapped alike, did not help.
#
# **The claim to check: the larger crop helps, and mapped photographs help further.** Here 480 stands for a crop
# and 896 for one half as large again; photographs are those of the embedded data, or real samples with CamVid.

# %% tags=["parameters"]
PROFILE = "mini"  # mini: the embedded data; camvid: real driving video; vspw: the paper's scale
SEEDS = "0,1,2"
RUN = False  # True trains, predicts and scores what results/ does not hold yet

# %%
from pathlib import Path

from IPython import get_ipython
from IPython.display import Markdown

from vspwlib.report.paper_tables import class_effect_rows, require_published, results_of, table_split
from vspwlib.report.plots import class_effects_plot, effects_plot, frequency_plot
from vspwlib.report.printing import printed_table

# %matplotlib inline

# %%
RESULTS = Path("../results")
if RUN:
    options = f"--profile {PROFILE} --seeds {SEEDS} --results {RESULTS} --workspace ../workspace"
    get_ipython().system(f"vspw tables 2 {options}")
    assert get_ipython().user_ns["_exit_code"] == 0, "some row was not run: see above"

# %% [markdown]
# ## The table
#
# A star marks an effect that is clear: its 95 % interval over videos leaves out 0, and no seed has the other
# sign.

# %%
table = printed_table(2, PROFILE, RESULTS)
rows = table.rows
Markdown(table.markdown)

# %%
require_published(rows, 2, PROFILE)
effects_plot(rows)

# %% [markdown]
# ## Where the larger crop helps
#
# Points of IoU by class, the mean of the seeds, and the same against how frequent a class is.

# %%
split = table_split(2, PROFILE)
classes = class_effect_rows("t2_480", "t2_896", PROFILE, split, RESULTS, least=0.05)
class_effects_plot(classes, first="crop 480", second="crop 896")

# %%
frequency_plot(classes, first="crop 480", second="crop 896")

# %% [markdown]
# ## What the photographs were
#
# Images that kept enough of their pixels after mapping (the paper: more than 80 %), and with what mapping.

# %%
from vspwlib.report.tables import to_markdown

stills = results_of("t2_896_map", PROFILE, RESULTS)[0].content["stills"]
Markdown(to_markdown([{"set": name, **facts} for name, facts in stills.items()]))

# %% [markdown]
# ## What can be concluded
#
# - The larger crop's gain has the paper's sign and is clear. It lies in classes that fill a frame: more
#   context, and fewer seams between windows.
# - The photographs cost here what they gave in the paper. In a few hundred iterations from scratch every batch
#   that is spent on another data set is one less for this one; the paper's network was pre-trained and saw
#   sixty thousand. `docs/joint_training.md` says more.
# - Dropout 0.5 from scratch in minutes is a handicap.
# - One kind of uncertainty is shown beside the other: ± is over seeds, the interval over videos. Other data
#   sets are in neither.

# %%
crop = next(row for row in rows if row["key"] == "t2_896")
assert crop["effect"] > 0, "the larger crop helps, as in the paper"
assert crop["paper_effect"] > 0
assert crop["clear"] or PROFILE != "mini", "on the embedded data the gain is clear"
photographs = next(row for row in rows if row["key"] == "t2_896_map")
assert photographs["mean"] < crop["mean"], "the text above says that photographs cost something at this scale"
