"""Classes: tables of IoU and mistakes as they were counted."""

import json
from typing import Any

import numpy as np
import pytest
import streamlit as st

from vspwlib.labels import CLASS_NAMES
from vspwlib.metrics.frames import FrameConfusions
from vspwlib.report.tables import class_rows, confused_pairs
from vspwlib.runs import Workspace, frames_file
from workbench.worst import ANY, question, take_row

FIRST, SECOND = "alpha", "beta"


def test_classes_show_the_scores_of_each_class_and_the_mistakes(
    workspace: Workspace, open_page: Any, measured: Any
) -> None:
    app = open_page("classes")
    score = measured.score(FIRST)
    classes, mistakes = (element.value for element in app.dataframe)
    rows = class_rows(score)
    assert list(classes["class"]) == [row["class"] for row in rows]
    assert list(classes["iou"]) == pytest.approx([100 * row["iou"] for row in rows])
    assert list(mistakes["pixels"])[:3] == [row["pixels"] for row in confused_pairs(score, 3)]
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["mIoU"] == f"{100 * score.miou:.2f} %"
    assert shown["VC8"] == "–"
    assert not app.get("plotly_chart")


def test_both_tables_are_offered_as_csv(workspace: Workspace, open_page: Any) -> None:
    app = open_page("classes")
    names = [f"csv_{what}-alpha-vspw-test2" for what in ("classes", "mistakes")]
    assert [button.key for button in app.download_button] == names


def test_classes_compare_two_runs(workspace: Workspace, open_page: Any, measured: Any) -> None:
    app = open_page("classes", compare="true")
    table = app.dataframe[0].value
    wanted = [row["difference"] for row in class_rows(measured.score(FIRST), measured.score(SECOND))]
    assert list(table["difference"]) == pytest.approx([100 * value for value in wanted])
    shown = [chart.proto.spec for chart in app.get("plotly_chart")]
    assert len(shown) == 2
    assert f"IoU of {app.selectbox(key='class').value} %" in shown[0]  # alpha and beta were swept
    delta = 100 * (measured.score(FIRST).miou - measured.score(SECOND).miou)
    assert app.metric[0].delta == f"{delta:+.2f}"


def test_classes_are_filtered_by_group(workspace: Workspace, open_page: Any, measured: Any) -> None:
    app = open_page("classes", group="nature")
    assert set(app.dataframe[0].value["group"]) == {"nature"}
    assert app.metric[0].value == f"{100 * measured.score(FIRST).miou:.2f} %"


def test_unscored_predictions_say_how_to_score_them(workspace: Workspace, open_page: Any) -> None:
    app = open_page("classes", split="clips-all")
    assert app.code[0].value.startswith("vspw score ")
    assert "clips-all.zarr" in app.code[0].value
    assert not app.dataframe


def test_the_worst_frames_of_the_worst_class_come_first(workspace: Workspace, open_page: Any, measured: Any) -> None:
    app = open_page("classes")
    score = measured.score(FIRST)
    lost = {
        row["id"]: score.confusion[row["id"]].sum() + score.confusion[:, row["id"]].sum() for row in class_rows(score)
    }
    hits = {number: 2 * score.confusion[number, number] for number in lost}
    rows = class_rows(score)
    worst = min(rows, key=lambda row: (row["iou"], hits[row["id"]] - lost[row["id"]]))["class"]
    assert app.selectbox(key="class").value == worst
    number = CLASS_NAMES.index(worst)
    store = workspace.predictions(FIRST, "vspw", "test2")
    found = FrameConfusions.load(frames_file(store)).worst_of_class(number)
    assert len(found) > 1
    captions = [caption.value for caption in app.caption if "wrong pixels" in caption.value]
    assert [int(text.split("·")[1].split()[0]) for text in captions] == [frame.wrong for frame in found]
    links = [link.proto for link in app.get("page_link")]
    assert [link.label for link in links] == [f"Frame {frame.frame}" for frame in found]
    assert f"video={found[0].video}" in links[0].query_string
    assert f"frame={found[0].frame}" in links[0].query_string


def test_frames_of_one_confusion(workspace: Workspace, open_page: Any, measured: Any) -> None:
    pair = confused_pairs(measured.score(FIRST), 1)[0]
    app = open_page("classes", **{"class": pair["truth"], "taken": pair["predicted"]})
    store = workspace.predictions(FIRST, "vspw", "test2")
    numbers = [CLASS_NAMES.index(pair[key]) for key in ("truth", "predicted")]
    found = FrameConfusions.load(frames_file(store)).worst_of_confusion(*numbers)
    captions = [caption.value for caption in app.caption if "wrong pixels" in caption.value]
    assert sum(int(text.split("·")[1].split()[0]) for text in captions) == sum(frame.wrong for frame in found) > 0


def test_scores_from_before_frames_were_kept_say_what_to_do(workspace: Workspace, open_page: Any) -> None:
    frames_file(workspace.predictions(FIRST, "vspw", "test2")).unlink()
    app = open_page("classes")
    assert any(code.value.startswith("vspw score ") for code in app.code)
    assert app.dataframe


def test_a_click_on_a_row_chooses_its_class() -> None:
    st.session_state["table"] = {"selection": {"rows": [1]}}
    st.session_state["taken"] = "sky"
    take_row([{"class": "wall"}, {"class": "tree"}], "table")
    assert (st.session_state["class"], st.session_state["taken"]) == ("tree", ANY)
    st.session_state["table"] = {"selection": {"rows": []}}
    take_row([{"class": "wall"}], "table")
    assert st.session_state["class"] == "tree"


def test_only_the_pixels_in_question_are_marked() -> None:
    truth, labels = np.random.default_rng(0).integers(0, 4, (2, 20, 20)).astype(np.uint8)
    truth[0] = 255
    of_class = question(truth, labels, 2, None) != 255
    assert of_class.sum() == ((truth != 255) & (truth != labels) & ((truth == 2) | (labels == 2))).sum() > 0
    pair = question(truth, labels, 2, 3) != 255
    assert np.array_equal(pair, (truth == 2) & (labels == 3))


def test_the_matrix_has_the_kept_classes_on_both_axes(workspace: Workspace, open_page: Any, measured: Any) -> None:
    app = open_page("classes", group="nature")
    (chart,) = app.get("vega_lite_chart")
    encoding = json.loads(chart.proto.spec)["encoding"]
    names = [row["class"] for row in class_rows(measured.score(FIRST)) if row["group"] == "nature"]
    assert set(encoding["x"]["scale"]["domain"]) == set(encoding["y"]["scale"]["domain"]) == set(names)
