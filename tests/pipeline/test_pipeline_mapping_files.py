"""Mappings of one's own in a workspace: found for their data set, written whole or not at all."""

from dataclasses import replace

import pytest

from vspwlib.checks import InputError
from vspwlib.labels.mapping import load_mapping
from vspwlib.labels.mapping_edit import retarget, with_rows
from vspwlib.pipeline.mapping_files import mappings_folder, own_mappings, write_mapping
from vspwlib.runs import Workspace


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "ws")


@pytest.fixture
def changed():
    """Return CamVid's mapping with its first row in void."""
    mapping = load_mapping("camvid")
    row = retarget(mapping.rows[0], "void", "none", "Doubtful.")
    return with_rows(mapping, {row.source_value: row})


def test_a_written_mapping_is_found_for_its_data_set_alone(workspace, changed):
    assert own_mappings(workspace, "camvid") == ({}, [])
    path = write_mapping(changed, mappings_folder(workspace), "mine", dataset="camvid")
    assert load_mapping(path, dataset="camvid").rows == changed.rows
    assert own_mappings(workspace, "camvid") == ({"mine.csv": path}, [])
    assert own_mappings(workspace, "ade20k") == ({}, [])


def test_files_that_cannot_be_used_are_named(workspace, changed):
    folder = mappings_folder(workspace)
    path = write_mapping(changed, folder, "short", dataset="camvid")
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")  # one value has no row
    (folder / "broken.csv").write_text("nothing\n")
    (folder / ".hidden.csv").write_text("nothing\n")
    found, errors = own_mappings(workspace, "camvid")
    assert not found
    assert [any(name in error for error in errors) for name in ("short", "broken", "hidden")] == [True, True, False]


def test_a_file_is_replaced_only_when_asked(workspace, changed):
    folder = mappings_folder(workspace)
    path = write_mapping(changed, folder, "mine", dataset="camvid")
    before = path.read_bytes()
    with pytest.raises(InputError, match="name: expected a new one"):
        write_mapping(load_mapping("camvid"), folder, "mine", dataset="camvid")
    assert path.read_bytes() == before
    write_mapping(load_mapping("camvid"), folder, "mine", dataset="camvid", replacing=True)
    assert load_mapping(path).rows == load_mapping("camvid").rows


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"reason": " blanks "}, "others when read back"),
        ({"reason": ""}, "an empty cell"),
        ({"source_name": "cloud"}, "the name of"),
        ({"kind": "exact"}, "'none' for void"),
    ],
)
def test_what_does_not_read_back_leaves_the_earlier_file(workspace, changed, wrong, message):
    folder = mappings_folder(workspace)
    path = write_mapping(changed, folder, "mine", dataset="camvid")
    before = path.read_bytes()
    first = replace(changed.rows[0], **wrong)
    with pytest.raises(InputError, match=message):
        write_mapping(with_rows(changed, {first.source_value: first}), folder, "mine", dataset="camvid", replacing=True)
    assert path.read_bytes() == before
    assert [file.name for file in folder.iterdir()] == ["mine.csv"]
