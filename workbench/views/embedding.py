"""Embedding: what networks make of patches, as colours beside two frames and as similarities of all their pairs."""

import streamlit as st

from vspwlib.metrics.similarity import PairSimilarity
from vspwlib.report.embeddings import embedding_figure, similarity_figure
from vspwlib.runs import Run
from workbench import data
from workbench.controls import pick, pick_frame, pick_second
from workbench.notices import guard, no_trained_runs

PLAIN = {"displaylogo": False}
ASKED = "embedding_asked"  # the runs and the split that this session has asked to compute


@st.fragment
def show_clip(runs: list[Run], split: str, video: str, names: list[str]) -> None:
    """Draw two frames of a video; once asked for, scrubbing computes what it shows, and reruns only this."""
    with guard():
        frame = pick_frame(names[: max(len(names) - 1, 1)])
        wanted = [*(run.name for run in runs), split]
        if st.session_state.get(ASKED) != wanted:
            offer(wanted)
            return
        with st.spinner("Computing the embeddings of two frames", show_time=True):
            found = {run.name: data.embedding(run, runs[0], split, video, frame) for run in runs}
        first = next(iter(found.values()))
        st.plotly_chart(
            embedding_figure(first.images, {run: item.colours for run, item in found.items()}, names=first.names),
            config={"displayModeBar": False},
        )
        seconds = " and ".join(f"{item.seconds:.1f} s" for item in found.values())
        st.caption(
            "Red, green and blue are the first three principal components of a run's embeddings, one basis for both "
            "frames. Hues of two runs have nothing to do with each other: compare how cleanly the colours part the "
            f"classes, and how they hold from frame to frame. Computed in {seconds}."
        )
        show_similarity({run: item.similarity for run, item in found.items()}, "these two frames", key="clip")


def offer(wanted: list[str]) -> None:
    """Say what computing for some runs and a split takes, and offer it."""
    networks = "the network" if len(wanted) == 2 else "both networks"
    st.info(
        f"Embeddings are computed on this machine: {networks} loaded and run on two frames. That takes seconds for the "
        "small networks, and up to minutes for the paper's on a CPU.",
        icon=":material/timer:",
    )
    st.button("Compute", type="primary", icon=":material/play_arrow:", on_click=ask, args=(wanted,))


def ask(wanted: list[str]) -> None:
    """Remember what to compute from now on, before the page is drawn again."""
    st.session_state[ASKED] = wanted


def show_similarity(similarities: dict[str, PairSimilarity], where: str, *, key: str) -> None:
    """Draw mean similarities and histograms of runs over some clips."""
    st.markdown(f"##### Similarity of patches, {where}")
    if not any(item.positive.pairs + item.negative.pairs for item in similarities.values()):
        st.info("No patch has a label here, so there are no classes to compare.", icon=":material/rule:")
        return
    table = [
        {"run": run, "within": item.within, "between": item.between, "gap": item.gap}
        for run, item in similarities.items()
    ]
    number = st.column_config.NumberColumn
    st.dataframe(
        table,
        hide_index=True,
        placeholder="–",
        column_config={
            "within": number("within classes", format="%.3f", help="Mean cosine of two patches of one class."),
            "between": number("between classes", format="%.3f", help="Mean cosine of two patches of two classes."),
            "gap": number("gap", format="%.3f", help="Within minus between: 0 where classes are not told apart."),
        },
    )
    st.plotly_chart(similarity_figure(similarities), config=PLAIN, key=f"histograms_{key}")


def show_split(runs: list[Run], split: str) -> None:
    """Draw what `vspw embedding` has measured on the whole split, or how to measure it."""
    measured = {run.name: data.embedding_similarity(run, runs[0], split) for run in runs}
    found = {run: item for run, item in measured.items() if item is not None}
    alike = {(item.clips, item.positive.pairs, item.negative.pairs) for item in found.values()}
    if len(found) == len(runs) and len(alike) == 1:  # of other clips, if with another --every, there is no comparing
        clips = next(iter(found.values())).clips
        show_similarity(found, f"{clips} clip{'s' * (clips != 1)} of {split}", key="split")
        return
    st.caption("For the whole split, which takes longer:")
    st.code(f"vspw embedding {' '.join(run.name for run in runs)} --split {split}", language="bash")


place = data.workspace()
trained = data.trained_runs(place)
if not trained:
    no_trained_runs(place.path)
    st.stop()
columns = st.columns([3, 2, 3, 2, 3], vertical_alignment="bottom")
with columns[0]:
    first = trained[pick("Run", list(trained), "run")]
second = pick_second(trained, first.name, columns[1], columns[2])
with columns[3]:
    split = pick("Split", data.splits(first), "list")
with columns[4]:
    frames = data.split_frames(first, split)
    video = pick("Video", list(frames), "video")
chosen = [first, *([trained[second]] if second else [])]
show_clip(chosen, split, video, frames[video])
with guard():
    show_split(chosen, split)
