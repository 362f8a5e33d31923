"""Clips: scrub through a video, one run against the truth; more runs are one click away."""

import streamlit as st

from workbench import data
from workbench.clip_view import show_clip
from workbench.controls import pick, pick_second
from workbench.exporting import ask_for_movie, show_movie
from workbench.notices import no_predictions

place = data.workspace()
stores = data.predictions(place, hard=True)
if not stores:
    no_predictions(place.path)
    st.stop()

columns = st.columns([2, 3, 2, 3, 3], vertical_alignment="bottom")
with columns[0]:
    runs = stores[pick("Split", list(stores), "split")]
with columns[1]:
    first = pick("Run", list(runs), "run")
# Two are compared by their probabilities; label maps have none.
soft = [run for run in runs if runs[run].suffix == ".zarr"]
second = pick_second(soft if first in soft else [], first, columns[2], columns[3])
with columns[4]:
    video = pick("Video", data.videos(runs[first]), "video")
chosen = [run for run in (first, second) if run]
_, split = data.dataset_and_split(runs[first])
show_clip(
    [runs[run] for run in chosen],
    video,
    actions={"movie": "Clip as MP4"},
    on_action=lambda _name, state: ask_for_movie(place, chosen, split, video, state),
)
show_movie(place)
