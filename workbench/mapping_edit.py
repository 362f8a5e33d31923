"""Change rows of a mapping on its page, and save it as the user's own; changes live in the session until then."""

import json
import shlex
from pathlib import Path

import streamlit as st

from vspwlib.checks import InputError
from vspwlib.data.stills import STILL_SETS
from vspwlib.labels import CLASS_NAMES
from vspwlib.labels.mapping import KINDS, VOID_NAME, LabelMapping, MappingRow
from vspwlib.labels.mapping_edit import retarget, with_rows
from vspwlib.pipeline.mapping_files import mappings_folder, write_mapping
from vspwlib.report.mapping import Pixels, difference_rows
from vspwlib.runs import Workspace
from workbench.controls import pick
from workbench.notices import literal, show_error
from workbench.panes import table_height

_EDITS = "mapping_edits"  # changed rows by source value, for each mapping
_SAVED, _REFUSED = "mapping_saved", "mapping_refused"  # outcome of the last press of Save, shown once
_WORDS = 300  # most characters of a reason


def edited(mapping: LabelMapping, dataset: str) -> LabelMapping:
    """Return a mapping with what this session has changed in it."""
    return with_rows(mapping, _edits(dataset, mapping.name))


def show_editor(base: LabelMapping, dataset: str, place: Workspace, pixels: Pixels | None) -> None:
    """Draw the pickers that change a row, the changed rows, and how to keep them."""
    _show_outcome(dataset)
    shown = edited(base, dataset)
    rows = {f"{row.source_value} · {row.source_name}": row for row in shown.rows}
    left, right = st.columns([2, 3], gap="large")
    with left, st.container(border=True):
        row = rows[pick("Source class", list(rows), "row")]
        _show_pickers(base, row, dataset)
    with right:
        changed = difference_rows(base, shown, pixels)
        edits = _edits(dataset, base.name)
        st.markdown(f"##### Changed rows: {len(edits)}")
        if not edits:
            st.info("Nothing is changed yet. What is changed here shows on the whole page at once.")
            return
        _show_changed(changed, edits, base)
        st.button("Undo all", icon=":material/undo:", on_click=edits.clear)
        _show_save(shown, base, dataset, place)


def _show_pickers(base: LabelMapping, row: MappingRow, dataset: str) -> None:
    """Draw what a row may become."""
    key = f"{dataset}_{base.name}_{row.source_value}"  # a row's pickers are its own, and begin with what it is
    names = [VOID_NAME, *sorted(CLASS_NAMES, key=str.lower)]
    target = st.selectbox("VSPW class", names, index=names.index(row.vspw_name), key=f"target_{key}")
    kinds = [kind for kind in KINDS if kind != "none"]
    known = kinds.index(row.kind) if row.kind in kinds else kinds.index("approximate")
    kind = st.selectbox(
        "How it relates", kinds, index=known, key=f"kind_{key}", disabled=target == VOID_NAME, help="Void has none."
    )
    before = next(item for item in base.rows if item.source_value == row.source_value)
    reason = st.text_input("Why", row.reason, max_chars=_WORDS, key=f"reason_{key}").strip()
    wanted = retarget(row, target, kind, reason)
    stale = target != before.vspw_name and reason == before.reason
    if stale:
        st.caption("The reason is still that of the old class: say why it is this one.")
    st.button(
        "Change",
        type="primary",
        disabled=wanted == row or not reason or stale,
        on_click=_change,
        args=(dataset, base, wanted),
    )


def _show_changed(changed: list[dict[str, object]], edits: dict[int, MappingRow], base: LabelMapping) -> None:
    """Draw the rows that differ, in what they were and what they are."""
    pixels = {row["value"]: row["pixels"] for row in changed if "pixels" in row}
    before = {row.source_value: row for row in base.rows}
    table = [
        {
            "source": row.source_name,
            "was": before[value].vspw_name,
            "is": row.vspw_name,
            "kind": row.kind,
            "why": row.reason,
            **({"pixels": pixels[value]} if value in pixels else {}),
        }
        for value, row in edits.items()
    ]
    st.dataframe(table, hide_index=True, height=table_height(len(table), most=250), placeholder="–")


def _show_save(shown: LabelMapping, base: LabelMapping, dataset: str, place: Workspace) -> None:
    """Draw the name and the button that writes the mapping."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Save as", f"{dataset}_own", max_chars=60, key=f"save_{dataset}").strip()
        there = bool(name) and (mappings_folder(place) / f"{name}.csv").name in _taken(place)
        replacing = st.toggle("Replace", key="replace", help="Write over the file of that name.") if there else False
        st.button(
            "Save",
            type="primary",
            icon=":material/save:",
            disabled=not name or (there and not replacing),
            on_click=_save,
            args=(shown, base, dataset, place, name),
            kwargs={"replacing": replacing},
        )
    taken = "There is one of that name in the workspace. " if there else ""
    st.caption(f"{taken}Into {literal(str(mappings_folder(place)))}; the six columns of a mapping, no others.")


def _show_outcome(dataset: str) -> None:
    """Say once what came of saving, and which commands use the file."""
    if refused := st.session_state.pop(_REFUSED, None):
        show_error(refused)
    if saved := st.session_state.pop(_SAVED, None):
        st.success(f"Saved as {literal(saved)}, and read back. These commands use it:", icon=":material/check:")
        st.code(usage(dataset, Path(saved)), language="bash")


def usage(dataset: str, path: Path) -> str:
    """Return the commands that take a mapping of one's own.

    >>> print(usage("camvid", Path("mine.csv")))
    vspw map report --dataset camvid --mapping mine.csv --against camvid
    """
    file = shlex.quote(str(path))
    lines = [f"vspw map report --dataset {dataset} --mapping {file} --against {dataset}"]
    if dataset in STILL_SETS:
        sets, files = (
            f"mix.{key}={json.dumps([value])}" for key, value in (("stills", dataset), ("mappings", str(path)))
        )
        lines += [
            f"vspw map filter --dataset {dataset} --root PATH --mapping {file}",
            f"vspw train RECIPE --set {shlex.quote(sets)} --set {shlex.quote(files)} --data {dataset}=PATH",
        ]
    return "\n".join(lines)


def _edits(dataset: str, name: str) -> dict[int, MappingRow]:
    held: dict[tuple[str, str], dict[int, MappingRow]] = st.session_state.setdefault(_EDITS, {})
    return held.setdefault((dataset, name), {})


def _taken(place: Workspace) -> set[str]:
    return {path.name for path in mappings_folder(place).glob("*.csv")}


def _change(dataset: str, base: LabelMapping, row: MappingRow) -> None:
    """Keep a changed row; one that is again what it was is no change."""
    edits = _edits(dataset, base.name)
    if row in base.rows:
        edits.pop(row.source_value, None)
    else:
        edits[row.source_value] = row


def _save(
    shown: LabelMapping, base: LabelMapping, dataset: str, place: Workspace, name: str, *, replacing: bool
) -> None:
    """Write the mapping and show it from now on; what is refused is said on the page."""
    try:
        path = write_mapping(shown, mappings_folder(place), name, dataset=dataset, replacing=replacing)
    except InputError as error:
        st.session_state[_REFUSED] = str(error)
        return
    _edits(dataset, base.name).clear()
    st.session_state[_SAVED] = str(path.resolve())
    st.session_state["mapping"] = path.name
