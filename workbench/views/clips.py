"""Clips: scrub through a video, one run against the truth; a second run is one click away."""

from pathlib import Path

import streamlit as st

from workbench import data
from workbench.controls import pick, pick_frame, pick_look, pick_second
from workbench.notices import guard, no_predictions
from workbench.panes import Prediction, compare_panes, draw_legend, draw_panes


@st.fragment
def show_frame(chosen: dict[str, Path], video: str) -> None:
    """Draw one frame of a video as one or two runs see it; scrubbing reruns only this."""
    with guard():
        scrub, look = st.columns([9, 1], vertical_alignment="bottom")
        with look:
            palette, opacity = pick_look()
        any_store = next(iter(chosen.values()))
        with scrub:
            frame = pick_frame(data.frames(any_store, video))
        image, truth = data.picture(any_store, video, frame), data.truth(any_store, video, frame)
        predicted = [
            Prediction(short, run if len(chosen) == 1 else f"{short} · {run}", data.labels(store, video, frame))
            for short, (run, store) in zip("AB", chosen.items(), strict=False)
        ]
        panes = compare_panes(image, truth, predicted, palette=palette, opacity=opacity)
        if truth is None:
            st.info("This frame has no mask: there is nothing to score it against.", icon=":material/rule:")
        maps = {item.short if len(chosen) > 1 else "run": item.ids for item in predicted}
        legend = maps if truth is None else {"truth": truth, **maps}
        draw_panes(panes, columns=3, last=lambda: draw_legend(legend, palette))


stores = data.predictions(data.workspace())
if not stores:
    no_predictions(data.workspace().path)
    st.stop()

columns = st.columns([2, 3, 1.4, 3, 3], vertical_alignment="bottom")
with columns[0]:
    runs = stores[pick("Split", list(stores), "split")]
with columns[1]:
    first = pick("Run", list(runs), "run")
second = pick_second(runs, first, columns[2], columns[3])
with columns[4]:
    video = pick("Video", data.videos(runs[first]), "video")
show_frame({run: runs[run] for run in (first, second) if run}, video)
