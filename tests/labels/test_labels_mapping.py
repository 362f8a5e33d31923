"""The tables against the releases' lists and facts; the look-up against a plain loop; what a user's table may hold."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vspwlib.checks import InputError
from vspwlib.labels import CLASS_NAMES, VOID, raw_to_id
from vspwlib.labels.mapping import MappingRow, load_mapping
from vspwlib.labels.sources import SOURCE_SETS

NAMES = tuple(SOURCE_SETS)
UNDRAWN = SOURCE_SETS["cocostuff"].never
HEADER = "source_value,source_name,vspw_raw_id,vspw_name,kind,reason"


def write(path: Path, *rows: str, header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("name", NAMES)
def test_every_value_is_decided_once(name):
    mapping = load_mapping(name)
    assert mapping.name == name
    assert [row.source_value for row in mapping.rows] == list(SOURCE_SETS[name].values)
    assert np.array_equal(np.flatnonzero(mapping.known), SOURCE_SETS[name].values)
    assert mapping.lookup[SOURCE_SETS[name].unlabelled] == VOID
    assert all(mapping.lookup[value] == VOID for value in SOURCE_SETS[name].never)


@pytest.mark.parametrize("name", NAMES)
def test_every_reason_is_a_sentence(name):
    for row in load_mapping(name).rows:
        assert row.reason[0].isupper(), row
        assert row.reason.endswith("."), row


def test_names_of_cocostuff_and_ade20k_are_the_releases(shared):
    for name, column, shift in (("cocostuff", "png_id", 0), ("ade20k", "id", 1)):
        with (shared / "reference" / f"{name}_classes.csv").open() as file:
            facts = {int(row[column]) + shift: row["name"] for row in csv.DictReader(file)}
        facts[SOURCE_SETS[name].unlabelled] = {"cocostuff": "unlabelled", "ade20k": "other"}[name]
        assert {row.source_value: row.source_name for row in load_mapping(name).rows} == facts


def test_names_of_camvid_are_the_releases(shared):
    with (shared / "data" / "camvid" / "classes.csv").open() as file:
        facts = {int(row["id"]): row["name"] for row in csv.DictReader(file)}
    assert {row.source_value: row.source_name for row in load_mapping("camvid").rows} == facts


@pytest.mark.parametrize(
    ("name", "value", "source", "target"),
    [
        ("cocostuff", 0, "person", "person"),
        ("cocostuff", 20, "cow", "cattle"),
        ("cocostuff", 62, "couch", "sofa"),
        ("cocostuff", 98, "cage", "handrail_or_fence"),
        ("cocostuff", 104, "clothes", "void"),
        ("cocostuff", 181, "wood", "void"),
        ("ade20k", 1, "wall", "wall"),
        ("ade20k", 81, "bus", "bus"),
        ("ade20k", 127, "animal", "void"),
        ("ade20k", 150, "flag", "flag"),
        ("camvid", 5, "Pavement", "path"),
    ],
)
def test_known_rows(name, value, source, target):
    mapping = load_mapping(name)
    row = next(row for row in mapping.rows if row.source_value == value)
    assert (row.source_name, row.vspw_name) == (source, target)
    assert mapping.lookup[value] == (VOID if target == "void" else CLASS_NAMES.index(target))


@pytest.mark.parametrize("name", NAMES)
def test_exact_means_the_same_name(name):
    for row in load_mapping(name).rows:
        same = row.source_name.lower().replace(" ", "_") == row.vspw_name.lower()
        if row.kind == "exact":
            assert same, row
        if row.kind == "synonym":
            assert not same, row


def test_data_sets_agree_on_what_they_share():
    """A class that COCO-Stuff and ADE20K call by one name goes to one place."""
    coco = {row.source_name: row.vspw_name for row in load_mapping("cocostuff").rows if row.source_value not in UNDRAWN}
    ade = {row.source_name: row.vspw_name for row in load_mapping("ade20k").rows}
    both = coco.keys() & ade.keys()
    assert len(both) > 45
    assert {name: (coco[name], ade[name]) for name in both if coco[name] != ade[name]} == {}


def test_look_up_equals_a_loop_over_pixels():
    mask = np.random.default_rng(0).integers(0, 256, (23, 17), dtype=np.uint8)
    for name in NAMES:
        mapping = load_mapping(name)
        decided = {row.source_value: row.target for row in mapping.rows}
        expected = [[decided.get(value, VOID) for value in line] for line in mask.tolist()]
        found = mapping.apply(mask)
        assert found.dtype == np.uint8
        assert found.tolist() == expected
        strange = [value for value in mask.ravel().tolist() if value not in decided]
        assert strange
        assert mapping.unknown_values(mask) == {value: strange.count(value) for value in sorted(set(strange))}


def test_mappings_cannot_be_changed_by_accident():
    mapping = load_mapping("ade20k")
    for table in (mapping.lookup, mapping.known):
        with pytest.raises(ValueError, match="read-only"):
            table[0] = 1
    with pytest.raises(AttributeError):
        mapping.name = "other"
    assert mapping == load_mapping("ade20k")


def test_other_types_than_bytes_are_refused():
    for method in (load_mapping("ade20k").apply, load_mapping("ade20k").unknown_values):
        with pytest.raises(InputError, match="mask: expected dtype uint8, got int64"):
            method(np.zeros((2, 2), np.int64))


def test_a_table_of_ones_own(tmp_path):
    file = tmp_path / "mine.csv"
    rows = ["", '7,thing,29,sky,approximate,"Blue, mostly."', " 9 , other ,255,void,none,Nothing like it."]
    file.write_bytes(
        b"\xef\xbb\xbf" + "\r\n".join([f"{HEADER},note", *(f"{row},x" * bool(row) for row in rows)]).encode()
    )
    mapping = load_mapping(file)
    assert mapping.name == "mine"
    assert mapping.rows == (
        MappingRow(7, "thing", 28, "sky", "approximate", "Blue, mostly."),
        MappingRow(9, "other", VOID, "void", "none", "Nothing like it."),
    )
    assert np.flatnonzero(mapping.known).tolist() == [7, 9]


def builtin_lines(name: str) -> list[str]:
    text = Path(__file__).parents[2].joinpath("vspwlib", "labels", f"{name}_to_vspw.csv").read_text("utf-8")
    return text.splitlines()[1:]


def test_a_table_for_a_data_set_must_cover_it(tmp_path):
    lines = builtin_lines("camvid")
    file = write(tmp_path / "mine.csv", *lines)
    assert load_mapping(file, dataset="camvid").rows == load_mapping("camvid").rows
    with pytest.raises(
        InputError, match=r"expected every value of CamVid once, got no row for 3, 255 \(.*source_value"
    ):
        load_mapping(write(file, *lines[:2], *lines[3:-1]), dataset="camvid")
    with pytest.raises(InputError, match="got rows for 12 besides"):
        load_mapping(write(file, *lines, "12,x,1,wall,exact,y."), dataset="camvid")
    swapped = [*lines[:3], lines[3].replace("Road", "Pavement"), *lines[4:]]
    message = r"expected 'Road', the name of 4 in camvid, got 'Pavement' \(.*row 5, column source_name\)"
    with pytest.raises(InputError, match=message):
        load_mapping(write(file, *swapped), dataset="camvid")
    with pytest.raises(InputError, match="data set: expected one of ade20k, camvid, cocostuff"):
        load_mapping(file, dataset="camvd")


def test_a_built_in_table_serves_its_own_data_set():
    assert load_mapping("camvid", dataset="camvid") == load_mapping("camvid")
    with pytest.raises(InputError, match="expected one for ade20k, got camvid"):
        load_mapping("camvid", dataset="ade20k")


def test_files_that_are_none_are_refused(tmp_path):
    with pytest.raises(InputError, match="or a CSV file, got no such file"):
        load_mapping(tmp_path / "nothing.csv")
    with pytest.raises(InputError, match="expected one of ade20k, camvid, cocostuff, or a CSV file"):
        load_mapping("ade2ok")
    (tmp_path / "latin.csv").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InputError, match="CSV file in UTF-8"):
        load_mapping(tmp_path / "latin.csv")


def test_the_page_says_what_the_tables_hold(repository, capsys):
    page = (repository / "docs" / "label_mapping.md").read_text("utf-8")
    gained = {}
    for name in ("cocostuff", "ade20k"):
        facts, rows = SOURCE_SETS[name], load_mapping(name).rows
        gained[name] = {row.vspw_name for row in rows if row.target != VOID}
        mapped = sum(row.target != VOID for row in rows)
        counts = (facts.num_classes, mapped, facts.num_classes - mapped, len(gained[name]))
        assert f"| {facts.title} | {' | '.join(map(str, counts))} |" in page
    both = gained["cocostuff"] | gained["ade20k"]
    assert f"| both together | | | | {len(both)} |" in page
    never = page.partition("Nothing in either feeds ")[2].partition(".\n")[0]
    assert " ".join(never.split()).split(", ") == [name for name in CLASS_NAMES if name not in both]
    exec(page.partition("```python\n")[2].partition("```")[0], {})
    assert capsys.readouterr().out == "[[60, 64, 7, 255]]\n"


def test_camvid_masks_map_to_the_masks_beside_them(shared):
    """The reference material converted CamVid with its own table; ours sends every class to the same place."""
    mapping = load_mapping("camvid")
    with (shared / "data" / "camvid" / "camvid_to_vspw.csv").open() as file:
        facts = {int(row["camvid_id"]): int(row["vspw_raw_id"]) for row in csv.DictReader(file)}
    assert {row.source_value: VOID if row.target == VOID else row.target + 1 for row in mapping.rows} == facts
    for video in ("0001TP_test", "0016E5_val", "Seq05VD_test"):
        masks = sorted((shared / "data" / "camvid" / "data" / video / "mask").iterdir())[::40]
        assert masks
        for path in masks:
            raw = np.array(Image.open(path))
            converted = np.array(Image.open(path.parent.parent / "mask_vspw" / path.name))
            assert np.array_equal(mapping.apply(raw), raw_to_id(converted)), path
