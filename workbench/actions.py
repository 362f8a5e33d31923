"""Work that a page can start: the demo workspace, a sweep. Each shows how far it is and ends in a fresh page."""

from collections.abc import Callable
from threading import Lock

import streamlit as st

from vspwlib.runs import Workspace
from workbench.notices import guard, literal

_BUSY = Lock()  # of this server: two sessions must not train into one folder

OWN_DATA = """\
vspw train upernet_swin_tiny --profile vspw --data PATH
vspw predict RUN --split val
vspw score workspace/predictions/RUN/DATA-val.zarr
"""


def offer_demo(workspace: Workspace) -> None:
    """Say that the workspace is empty, offer to build the demo in it, and how to begin with data of one's own."""
    st.info(f"No runs in {literal(str(workspace.path))} yet.", icon=":material/inbox:")
    demo, own = st.columns(2, gap="large")
    with demo, st.container(border=True):
        st.subheader("Try it", anchor=False)
        st.markdown(
            "Builds a small workspace from generated video: two networks are trained, their predictions fused and "
            "scored. About four minutes on two cores; nothing is downloaded."
        )
        if st.button("Build the demo workspace", type="primary", icon=":material/rocket_launch:"):
            with guard():
                _build_demo(workspace)
    with own, st.container(border=True):
        st.subheader("Use your own video", anchor=False)
        st.markdown("PATH is a VSPW folder, CamVid with `mask_vspw/`, or clips of your own; in a terminal:")
        st.code(OWN_DATA, language="bash")
        st.markdown("Another workspace: `VSPW_WORKSPACE=FOLDER streamlit run app.py`.")


def offer_sweep(workspace: Workspace, first: str, second: str, data: str, split: str) -> None:
    """Say that two runs have not been fused on a split yet, how to do it, and offer to do it here."""
    st.info("These two runs have not been swept over τ on this split yet.", icon=":material/join_inner:")
    st.code(f"vspw ensemble sweep {first} {second} --split {split}", language="bash")
    if st.button("Sweep now", type="primary", icon=":material/play_arrow:"):
        with guard():
            _sweep(workspace, first, second, data, split)


def _build_demo(workspace: Workspace) -> None:
    from vspwlib.pipeline.demo import run_demo

    def work(report: Callable[[str, float], None]) -> None:
        run_demo(workspace, on_progress=report)

    _work("Building the demo workspace", work)


def _sweep(workspace: Workspace, first: str, second: str, data: str, split: str) -> None:
    from vspwlib.pipeline.ensembling import sweep

    def work(report: Callable[[str, float], None]) -> None:
        def tick(done: int, total: int) -> None:
            report(f"frame {done} of {total}", done / max(total, 1))

        sweep(workspace, first, second, data, split, progress=tick)

    _work("Sweeping τ", work)


def _work(title: str, work: Callable[[Callable[[str, float], None]], None]) -> None:
    """Run something long with a progress bar; leaving the page stops it, and starting it again goes on."""
    if not _BUSY.acquire(blocking=False):
        st.warning("Another window of this app is at work; wait for it to end.", icon=":material/hourglass:")
        return
    try:
        with st.status(title, expanded=True):
            bar = st.progress(0.0)

            def report(stage: str, share: float) -> None:
                bar.progress(min(max(share, 0.0), 1.0), text=stage)

            work(report)
    finally:
        _BUSY.release()
    st.rerun()
