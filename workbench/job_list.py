"""The jobs of a workspace on a page: how far each is, what it said, how it ended; they refresh themselves."""

import re
import time
from collections.abc import Collection

import streamlit as st

from vspwlib.runs import Workspace
from workbench import jobs
from workbench.jobs import Job
from workbench.notices import guard, literal

EVERY = "1s"
_SHOWN = 5  # ended jobs
_LINES_RUNNING, _LINES_ENDED = 3, 20
_ENDED = {
    "done": (":material/check_circle:", "green", "done"),
    "failed": (":material/error:", "red", "failed"),
    "stopped": (":material/stop_circle:", "orange", "stopped"),
}
_BAR = "━"
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def show_jobs(workspace: Workspace, *, writes: Collection[str] = ()) -> None:
    """Draw the jobs of a workspace, those at work first; draw nothing where there is none.

    Args:
        workspace: Whose jobs.
        writes: Only those that write to any of this; all when empty.
    """
    found = _chosen(workspace, writes)
    if found:
        running = _running(found)
        st.fragment(_draw, run_every=EVERY if running else None)(workspace, writes, running)


def duration(seconds: float) -> str:
    """Write a time in its two largest units.

    >>> duration(7.4), duration(187), duration(7380)
    ('7 s', '3 min 07 s', '2 h 03 min')
    """
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def _chosen(workspace: Workspace, writes: Collection[str]) -> list[Job]:
    return [job for job in jobs.jobs(workspace) if not writes or {*writes} & {*job.writes}]


def _running(found: list[Job]) -> frozenset[str]:
    return frozenset(job.folder.name for job in found if job.state == "running")


def _draw(workspace: Workspace, writes: Collection[str], running: frozenset[str]) -> None:
    found = _chosen(workspace, writes)
    if _running(found) != running:  # what has ended or begun changes the rest of the page, and the pace of this part
        st.rerun()
    for job in found:
        if job.state == "running":
            _draw_running(job)
    ended = [job for job in found if job.state != "running"]
    for job in ended[:_SHOWN]:
        _draw_ended(job)
    if len(ended) > 1:
        st.button(f"Clear all {len(ended)}", icon=":material/clear_all:", on_click=_clear, args=(ended,))


def _draw_running(job: Job) -> None:
    with st.container(border=True):
        left, right = st.columns([7, 1], vertical_alignment="center")
        left.markdown(f"**{literal(job.title)}** :gray[· {duration(time.time() - job.started)}]")
        right.button(
            "Stopping" if job.asked_to_stop else "Stop",
            key=f"stop_{job.folder.name}",
            icon=":material/stop:",
            disabled=job.asked_to_stop,
            help="As Ctrl-C in a terminal: training saves a snapshot first, the rest goes on where it was.",
            on_click=jobs.stop,
            args=(job,),
            width="stretch",
        )
        share, text = _progress(job)
        st.progress(share, text=literal(text))
        _draw_output(job, _LINES_RUNNING)


def _draw_ended(job: Job) -> None:
    icon, colour, word = _ENDED[job.state]
    took = "" if job.ended is None else f" after {duration(job.ended - job.started)}"
    left, right = st.columns([7, 1])
    with left.expander(f"{literal(job.title)} :{colour}[{word}{took}]", icon=icon, expanded=job.state == "failed"):
        _draw_output(job, _LINES_ENDED)
        if job.state == "failed":
            code = "Its process was killed" if job.exit_code is None else f"Exit code {job.exit_code}"
            st.markdown(f"{code}. Mend what the last line says, then start it again, here or in a terminal:")
        elif job.state == "stopped":
            st.markdown("Start it again and it goes on where it was; in a terminal:")
        st.code(job.line, language="bash", wrap_lines=True)
    right.button("Clear", key=f"clear_{job.folder.name}", on_click=_clear, args=([job],), width="stretch")


def _draw_output(job: Job, lines: int) -> None:
    # The bars of the command line stand above, drawn as one.
    found = [_ANSI.sub("", line) for line in job.output(2 * lines) if _BAR not in line][-lines:]
    if found:
        st.code("\n".join(found), language=None, wrap_lines=True)


def _progress(job: Job) -> tuple[float, str]:
    """Return the share that is done, and what to write at the bar."""
    told = job.progress()
    if told is None:
        return 0.0, "starting"
    title, done, total = told["title"], told["done"], told["total"]
    if not total:
        return 0.0, title
    share = min(max(done / total, 0.0), 1.0)
    return share, f"{title}, {100 * share:.0f} %" if total == 1 else f"{title}, {done:g} of {total:g}"


def _clear(ended: list[Job]) -> None:
    with guard():
        for job in ended:
            jobs.remove(job)
