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
# # Table 5: vote, mean, or two models
#
# The paper compares a vote of models (65.93), the mean of three (65.72) and the two-model sum at its best τ
# (65.95), all on Test2 (paper). Which models voted it does not say; our reading is the three of equation (6).
#
# **The claims to check: fewer models with a chosen τ are as good as more with equal voices, and votes throw
# away what probabilities know.**

# %% tags=["parameters"]
PROFILE = "mini"  # mini: the embedded data; camvid: real driving video; vspw: the paper's scale
SEEDS = "0,1,2"
RUN = False  # True trains, predicts and scores what results/ does not hold yet

# %%
from pathlib import Path

from IPython import get_ipython
from IPython.display import Markdown

from vspwlib.report.paper_tables import require_published, results_of, table_split
from vspwlib.report.plots import effects_plot, scores_plot
from vspwlib.report.printing import printed_table
from vspwlib.tables import ENSEMBLES, TABLES

# %matplotlib inline

# %%
RESULTS = Path("../results")
if RUN:
    options = f"--profile {PROFILE} --seeds {SEEDS} --results {RESULTS} --workspace ../workspace"
    get_ipython().system(f"vspw tables 5 {options}")
    assert get_ipython().user_ns["_exit_code"] == 0, "some row was not run: see above"

# %% [markdown]
# ## The table

# %%
table = printed_table(5, PROFILE, RESULTS)
rows = table.rows
Markdown(table.markdown)

# %%
require_published(rows, 5, PROFILE)
split = table_split(5, PROFILE)
taus = {row.title: row.tau for row in TABLES[5].rows}
seeds = {row["row"]: results_of(row["key"], PROFILE, RESULTS) for row in rows}
scores_plot(rows, {name: [100 * one.miou(split, taus[name]) for one in each] for name, each in seeds.items()})

# %% [markdown]
# ## The members alone
#
# An ensemble cannot be read without its members.

# %%
from vspwlib.report.tables import to_markdown

alone = [
    {"member": name, **{f"seed {one.seed}": 100 * one.miou(split) for one in results_of(name, PROFILE, RESULTS)}}
    for name in ENSEMBLES["t5_mean"].recipes
]
Markdown(to_markdown(alone, decimals=2))

# %%
effects_plot(rows)

# %% [markdown]
# ## What can be concluded
#
# - Here the mean beats the vote at every seed, and clearly: with three unequal members a vote lets two weak
#   ones outvote a strong one, however unsure they are. The paper found the vote 0.21 points ahead of the mean
#   (paper), of three strong models. Opposite signs, and no contradiction.
# - Two models with τ chosen on another split are ahead of three with equal voices, as in the paper, where τ was
#   chosen on the split itself.
# - The third row of the paper is an upper bound by construction, and so is ours; the fourth row, ours alone, is
#   the fair one.

# %%
by_key = {row["key"]: row for row in rows}
vote, mean, pair = (by_key[key] for key in ("t5_vote", "t5_mean", "t5_pair"))
assert mean["mean"] > vote["mean"], "the mean beats the vote"
assert mean["clear"] or PROFILE != "mini", "and clearly so on the embedded data"
assert pair["mean"] > mean["mean"], "two models with a chosen τ beat three with equal voices"
