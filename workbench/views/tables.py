"""Tables: the paper's figures beside those of the published runs, what each row gains, and both as files."""

from typing import Any

import streamlit as st

from vspwlib.recipes import PROFILES
from vspwlib.report.figures import effects_figure, paper_figure, tau_figure
from vspwlib.report.paper_tables import is_comparable, table_split
from vspwlib.report.printing import PrintedTable
from vspwlib.report.settings import changes_text
from vspwlib.report.spreadsheet import csv_text
from vspwlib.report.tables import PAPER_TABLE4, Row, sweep_rows
from vspwlib.tables import TABLES, Table
from workbench import data
from workbench.controls import pick
from workbench.notices import literal
from workbench.panes import table_height
from workbench.table_data import changes_of, results_folder, sweeps_of, table_of

NAMES = {f"Table {number}: {entry.title}": number for number, entry in TABLES.items()}
COLUMNS = (
    *("row", "paper", "mean", "spread", "seeds", "difference", "paper_effect", "effect", "low", "high", "clear"),
    *("vc8", "vc16"),
)
KINDS = {
    "challenge": "The challenge, as the paper prints it",
    "published": "Published since",
    "here": "Here",
    "workspace": "Scored in this workspace, not published",
}
SCORES = {"mean": "miou", "vc8": "vc8", "vc16": "vc16"}
BAR: dict[str, Any] = {"format": "%.2f", "min_value": 0, "max_value": 100, "width": 125}


def show_rows(rows: list[Row], profile: str) -> None:
    """Draw a table: bars for scores, signed points for differences and effects."""
    bar, number = st.column_config.ProgressColumn, st.column_config.NumberColumn
    shown = [{**row, "seeds": len(row["seeds"]), "clear": "✓" if row["clear"] else ""} for row in rows]
    kept = [name for name in COLUMNS if any(row[name] not in {None, ""} for row in shown)]
    over = f"Gain over “{rows[0]['row']}”, in points."
    st.dataframe(
        shown,
        hide_index=True,
        placeholder="–",
        height=table_height(len(rows)),
        column_order=kept,
        column_config={
            "row": st.column_config.TextColumn("", width=225),
            "paper": bar("paper mIoU", help="As printed: VSPW's hidden test part.", **BAR),
            "mean": bar("this run mIoU", help=f"Mean over seeds, profile {profile}.", **BAR),
            "spread": number("± seeds", format="%.2f", width=70),
            "seeds": number("seeds", width=55),
            "difference": number("difference", format="%+.2f", help="This run less paper.", width=82),
            "paper_effect": number("paper's effect", format="%+.2f", help=over, width=92),
            "effect": number("our effect", format="%+.2f", help=over, width=80),
            "low": number("from", format="%+.2f", help="95 % interval when videos are drawn anew.", width=65),
            "high": number("to", format="%+.2f", width=65),
            "clear": st.column_config.TextColumn(
                "clear", help="The interval leaves out 0, and no seed has the other sign.", width=55
            ),
            "vc8": number("VC8", format="%.1f", width=60),
            "vc16": number("VC16", format="%.1f", width=60),
        },
    )


def own_rows() -> list[Row]:
    """Return what is scored in the workspace as rows of Table 6."""
    found, _ = data.system_rows(place)  # what cannot be read is named on the page Overview
    return [
        {"row": row["run"], "kind": "workspace", "data": f"{row['dataset']} {row['split']}", "source": row["made"]}
        | {name: None if row[key] is None else 100 * row[key] for name, key in SCORES.items()}
        for row in found
        if row["miou"] is not None
    ]


def show_teams(rows: list[Row]) -> None:
    """Draw Table 6, figures of different data apart."""
    for kind, title in KINDS.items():
        found = [row for row in rows if row["kind"] == kind]
        if not found:
            continue
        st.markdown(f"##### {title}")
        columns = [name for name in ("row", "mean", "vc8", "vc16", "data", "source") if any(row[name] for row in found)]
        st.dataframe(
            sorted(found, key=lambda row: -row["mean"]),
            hide_index=True,
            placeholder="–",
            height=table_height(len(found)),
            column_order=columns,
            column_config={
                "row": st.column_config.TextColumn("", width=330),
                "mean": st.column_config.ProgressColumn("mIoU", **BAR),
                "vc8": st.column_config.NumberColumn("VC8", format="%.1f"),
                "vc16": st.column_config.NumberColumn("VC16", format="%.1f"),
            },
        )


def offer_files(table: PrintedTable) -> None:
    """Offer a table as CSV, Markdown and LaTeX."""
    name = f"{TABLES[table.number].name}-{table.profile}"
    rows = [{**row, "seeds": " ".join(map(str, row["seeds"]))} if "seeds" in row else row for row in table.rows]
    files = {"CSV": csv_text(rows, list(rows[0])), "Markdown": table.markdown, "LaTeX": table.latex}
    with st.container(horizontal=True):
        for kind, ending in (("CSV", "csv"), ("Markdown", "md"), ("LaTeX", "tex")):
            st.download_button(kind, files[kind], f"{name}.{ending}", icon=":material/download:", key=f"as_{ending}")


def show_lacking(entry: Table, profile: str, rows: list[Row]) -> None:
    """Say which rows have not been run, or with other settings than now, and how to run them."""
    keys = {row.title: row.key for row in entry.rows}
    lacking = [row["row"] for row in rows if row["mean"] is None and keys[row["row"]]]
    changed = changes_of(entry.number, profile, results)
    if changed:
        said = f"Made with other settings than the recipes have now: {changes_text(changed)}"
        st.warning(literal(said), icon=":material/history:")
    if len(lacking) == len(rows):
        st.info(f"No row of this table has been run at the profile {literal(profile)} yet. Run them with")
    elif lacking:
        st.info(f"Not run yet: {literal('; '.join(lacking))}. Run what is missing with")
    if changed or lacking:
        # All seeds together: a mean of some that were run anew and some that were not is of two settings.
        seeds = sorted({seed for row in rows for seed in row["seeds"]})
        option = f" --seeds {','.join(map(str, seeds))}" if seeds else ""
        data_option = "" if profile == "mini" else " --data PATH"
        st.code(f"vspw tables {entry.number} --profile {profile}{option}{data_option}", language="bash")


def show_curves(profile: str) -> None:
    """Draw Table 4 at every tau for one seed, and the paper's curve beside it, on a scale of its own."""
    split = table_split(4, profile)
    ours, theirs = st.columns([3, 2], gap="large")
    with ours:
        st.markdown(f"##### This run, {profile} {split}, at every τ")
        curves = sweeps_of(profile, split, results)
        if curves:
            curve = curves[pick("Seed", list(curves), "seed")]
            first, second = "P1, contrastive", "P2, multi-dataset"
            figure = tau_figure(sweep_rows(curve), first=first, second=second, upper_bound=curve.upper_bound)
            st.plotly_chart(figure, config={"displaylogo": False})
    with theirs:
        st.markdown("##### The paper, VSPW Test2")
        st.plotly_chart(paper_figure(PAPER_TABLE4), config={"displaylogo": False})


place = data.workspace()
columns = st.columns([3, 2, 5], vertical_alignment="bottom")
with columns[0]:
    number = NAMES[pick("Table", list(NAMES), "table")]
with columns[1]:
    profile = pick("Profile", list(PROFILES), "profile")
results = results_folder(place)
table = table_of(number, profile, results)
rows = table.rows
if number == 6:
    show_teams([*rows, *own_rows()])
else:
    show_lacking(TABLES[number], profile, rows)
    show_rows(rows, profile)
st.caption(literal(table.caption))
if number == 4:
    show_curves(profile)
elif number != 6 and any(row["effect"] is not None for row in rows):
    st.markdown("##### What each row gains over the first")
    st.plotly_chart(effects_figure(rows), config={"displaylogo": False})
    if is_comparable(profile):
        st.caption("Effects are what a small scale can be asked about; heights are not: other networks, other data.")
offer_files(table)
