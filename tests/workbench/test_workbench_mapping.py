"""Label mapping: tables, kept images and pictures are those of the files; changes reach a file or nothing."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.data.image_sets import share_mask, write_pair
from vspwlib.labels.mapping import load_mapping
from vspwlib.pipeline.filtering import filter_folder, filter_stills
from vspwlib.runs import Workspace
from workbench.mapping_samples import source_ranks

SHARES = (0, 50, 79, 80, 81, 95, 100)  # percent of valid pixels


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Return seven photographs in COCO-Stuff's form: sheep (19, other_animal) beside metal (131, void)."""
    root = tmp_path / "coco"
    for share in SHARES:
        write_pair(root, "train2017", f"{share:03d}", share_mask(19, share, 131))
    return root


@pytest.fixture
def counted(workspace: Workspace, photographs: Path) -> Path:
    """Count the photographs as `vspw map filter` does; return the folder of the counts."""
    folder = filter_folder(workspace, "cocostuff", photographs)
    filter_stills("cocostuff", photographs, folder, threshold=0.8)
    workspace.add_data("cocostuff", photographs)
    return folder


def press(app: Any, label: str) -> Any:
    return next(button for button in app.button if button.label == label).click().run()


def tiles(app: Any) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def change(app: Any, *, row: str, target: str, reason: str) -> Any:
    app.selectbox(key="row").set_value(row).run()
    value = row.split(maxsplit=1)[0]
    app.selectbox(key=f"target_cocostuff_cocostuff_{value}").set_value(target)
    app.text_input(key=f"reason_cocostuff_cocostuff_{value}").set_value(reason).run()
    return press(app, "Change")


@pytest.mark.parametrize("dataset", ["cocostuff", "ade20k", "camvid"])
def test_without_counts_the_page_shows_the_table_and_no_pixels(
    workspace: Workspace, open_page: Any, dataset: str
) -> None:
    app = open_page("mapping", set=dataset)
    table, rows = app.dataframe[0].value, load_mapping(dataset).rows
    assert list(table["source"]) == [row.source_name for row in rows]
    assert list(table["vspw"]) == [row.vspw_name for row in rows]
    assert list(table["reason"]) == [row.reason for row in rows]
    assert "pixels" not in table
    assert "Valid pixels" not in tiles(app)


def test_rows_are_found_by_words_and_by_group(workspace: Workspace, open_page: Any) -> None:
    app = open_page("mapping", find="SHEEP")
    assert list(app.dataframe[0].value["source"]) == ["sheep"]
    app.text_input(key="find").set_value("").run()
    app.multiselect(key="to").set_value(["void"]).run()
    assert set(app.dataframe[0].value["vspw"]) == {"void"}
    app.text_input(key="find").set_value("sheep").run()
    assert not app.dataframe
    assert "No row fits" in app.info[0].value


def test_pixels_are_those_of_the_mask_files(
    workspace: Workspace, open_page: Any, counted: Path, photographs: Path
) -> None:
    app = open_page("mapping")
    wanted: Counter[int] = Counter()
    for path in photographs.rglob("*.png"):
        wanted.update(np.asarray(Image.open(path)).ravel().tolist())
    table = app.dataframe[0].value
    found = {value: pixels for value, pixels in zip(table["value"], table["pixels"], strict=True) if pixels}
    assert found == dict(wanted)
    assert tiles(app)["Valid pixels"] == f"{100 * wanted[19] / wanted.total():.2f} %"


@pytest.mark.parametrize("threshold", [0, 79, 80, 100])
def test_the_threshold_keeps_what_lies_above_it(
    workspace: Workspace, open_page: Any, counted: Path, threshold: int
) -> None:
    app = open_page("mapping", part="Kept images", threshold=str(threshold))
    kept = sum(share > threshold for share in SHARES)
    assert tiles(app)["Images kept"] == f"{kept} of {len(SHARES)}"
    assert len(app.get("plotly_chart")) == 1


@pytest.mark.parametrize("part", ["Kept images", "Before and after"])
def test_without_counts_the_page_names_the_command(workspace: Workspace, open_page: Any, part: str) -> None:
    app = open_page("mapping", part=part, set="ade20k")
    assert app.code[0].value == "vspw map filter --dataset ade20k --root PATH"
    app = open_page("mapping", part=part, set="camvid")
    assert app.code[0].value == "vspw map report --dataset camvid --root PATH"


def test_pictures_are_those_of_the_image_and_can_be_stepped_through(
    workspace: Workspace, open_page: Any, counted: Path, panes: Any, texts: Any
) -> None:
    app = open_page("mapping", part="Before and after", still="images/train2017/050.jpg")
    assert panes(app) == ["Image", "COCO-Stuff's labels", "In VSPW's classes by cocostuff"]
    assert "50.00 % of its pixels are valid: not above 80 %." in texts(app)
    legend = app.dataframe[0].value
    assert sorted(zip(legend["source"], legend["VSPW"], legend["share"], strict=True)) == [
        ("metal", "void", 50.0),
        ("sheep", "other_animal", 50.0),
    ]
    press(app, "Next")
    assert "79.00 % of its pixels are valid" in texts(app)
    app.selectbox(key="shows").set_value("131 · metal").run()
    assert app.select_slider(key="still").options[0].endswith("000.jpg")
    app.selectbox(key="shows").set_value("0 · person").run()
    assert "No counted image holds" in texts(app)


def test_images_that_are_gone_are_said_to_be(
    workspace: Workspace, open_page: Any, counted: Path, photographs: Path, texts: Any
) -> None:
    (photographs / "images" / "train2017" / "000.jpg").unlink()
    app = open_page("mapping", part="Before and after", still="images/train2017/000.jpg")
    assert "vspw map filter" in app.error[0].value
    photographs.rename(photographs.with_name("away"))
    app = open_page("mapping", part="Before and after")
    assert "is not known here" in texts(app)


def test_ranks_give_every_value_a_colour_of_its_own() -> None:
    mask = np.array([[7, 7, 255], [181, 0, 7]], np.uint8)
    ranks, values = source_ranks(mask, 255)
    assert values == [0, 7, 181]
    assert ranks.tolist() == [[1, 1, 255], [2, 0, 1]]


@pytest.mark.parametrize("ends", ["groups", "classes"])
def test_the_flow_is_drawn_with_and_without_pixels(
    workspace: Workspace, open_page: Any, counted: Path, ends: str, texts: Any
) -> None:
    app = open_page("mapping", part="Flow", ends=ends)
    assert "sheep" in app.get("plotly_chart")[0].proto.spec
    assert "as the pixels are many" in texts(app)
    app.selectbox(key="set").set_value("ade20k").run()
    assert "one wide a class" in texts(app)


def test_a_changed_row_is_saved_as_a_file_that_loads(
    workspace: Workspace, open_page: Any, counted: Path, texts: Any
) -> None:
    app = open_page("mapping", part="Change")
    change(app, row="131 · metal", target="other_machine", reason="Mostly engines.")
    changed = app.dataframe[0].value
    assert changed[["source", "was", "is", "why"]].to_numpy().tolist() == [
        ["metal", "void", "other_machine", "Mostly engines."]
    ]
    assert tiles(app)["Valid pixels"] == "100.00 %"
    app.text_input(key="save_cocostuff").set_value("mine").run()
    press(app, "Save")
    path = workspace.path / "mappings" / "mine.csv"
    rows = {row.source_value: row for row in load_mapping(path, dataset="cocostuff").rows}
    assert (rows[131].vspw_name, rows[131].kind) == ("other_machine", "approximate")
    shipped = {row.source_value: row for row in load_mapping("cocostuff").rows}
    assert {value for value, row in rows.items() if row != shipped[value]} == {131}
    assert app.selectbox(key="mapping").value == "mine.csv"
    assert f'mix.mappings=["{path.resolve()}"]' in texts(app)
    assert [file.name for file in path.parent.iterdir()] == ["mine.csv"]
    app = open_page("mapping", mapping="mine.csv", find="engines")
    assert list(app.dataframe[0].value["vspw"]) == ["other_machine"]


@pytest.mark.parametrize(
    ("name", "reason", "said"),
    [
        ("../mine", "Mostly engines.", "letters, digits"),
        ("CocoStuff", "Mostly engines.", "comes with the package"),
        ("mine", "=1+1", "no formula"),
    ],
)
def test_what_cannot_be_saved_is_said_and_leaves_no_file(
    workspace: Workspace, open_page: Any, name: str, reason: str, said: str
) -> None:
    app = open_page("mapping", part="Change")
    change(app, row="131 · metal", target="other_machine", reason=reason)
    app.text_input(key="save_cocostuff").set_value(name).run()
    press(app, "Save")
    assert said in app.error[0].value
    assert not list(workspace.path.rglob("*.csv"))
    assert len(app.dataframe[0].value) == 1  # the change is still there


def test_a_file_of_that_name_is_replaced_only_when_asked(workspace: Workspace, open_page: Any) -> None:
    app = open_page("mapping", part="Change")
    change(app, row="131 · metal", target="other_machine", reason="Mostly engines.")
    (workspace.path / "mappings").mkdir()
    there = workspace.path / "mappings" / "cocostuff_own.csv"
    there.write_text("mine\n")
    app.run()
    assert next(button for button in app.button if button.label == "Save").disabled
    assert there.read_text() == "mine\n"
    app.toggle(key="replace").set_value(True).run()
    press(app, "Save")
    assert len(load_mapping(there, dataset="cocostuff").rows) == len(load_mapping("cocostuff").rows)


def test_a_new_class_needs_a_new_reason_and_undoing_empties_the_list(workspace: Workspace, open_page: Any) -> None:
    app = open_page("mapping", part="Change", row="131 · metal")
    app.selectbox(key="target_cocostuff_cocostuff_131").set_value("gun").run()
    assert next(button for button in app.button if button.label == "Change").disabled
    change(app, row="131 · metal", target="gun", reason="Cannons.")
    assert len(app.dataframe[0].value) == 1
    press(app, "Undo all")
    assert not app.dataframe


def test_a_broken_file_is_named_and_the_page_stays(workspace: Workspace, open_page: Any, texts: Any) -> None:
    folder = workspace.path / "mappings"
    folder.mkdir()
    (folder / "broken.csv").write_text("source_value,source_name\n1,sky\n")
    app = open_page("mapping", mapping="broken.csv")
    assert "broken" in app.error[0].value
    assert app.dataframe[0].value["source"][0] == "person"
