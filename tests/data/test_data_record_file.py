"""Files of JSON lines: what a kill leaves behind, and what is refused."""

import json

import pytest

from vspwlib.checks import InputError
from vspwlib.data.record_file import open_records, read_records

HEADER = {"schema": 1, "data": "cocostuff"}


def opened(file):
    return open_records(file, HEADER, lambda line: line["n"], what="counts", fix="delete it.")


def test_a_new_file_begins_with_its_header(tmp_path):
    file = tmp_path / "below/counts.jsonl"
    assert opened(file) == []
    assert [json.loads(line) for line in file.read_text().splitlines()] == [HEADER]


def test_records_come_back_in_order_and_half_a_line_is_cut_off(tmp_path):
    file = tmp_path / "counts.jsonl"
    opened(file)
    whole = file.read_text() + '{"n": 3}\n{"n": 1}\n'
    file.write_text(whole + '{"n": ')
    assert opened(file) == [3, 1]
    assert file.read_text() == whole


def test_a_killed_first_line_is_written_again(tmp_path):
    file = tmp_path / "counts.jsonl"
    file.write_text('{"sche')
    assert opened(file) == []
    assert json.loads(file.read_text()) == HEADER


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"schema": 2, "data": "cocostuff"}\n', r"those with schema 1, got 2"),
        ('{"schema": 1}\n', r"those with data cocostuff, got None"),
        ('{"schema": 1, "data": "cocostuff"}\n{"m": 1}\n', r"KeyError: 'n'"),
        ("no json\n", r"expected JSON lines"),
    ],
)
def test_what_is_not_ours_is_refused_and_kept(tmp_path, content, message):
    file = tmp_path / "counts.jsonl"
    file.write_text(content)
    with pytest.raises(InputError, match=message):
        opened(file)
    assert file.read_text() == content


def test_reading_leaves_the_file_as_it_is(tmp_path):
    def read(file):
        return read_records(file, HEADER, lambda line: line["n"], what="counts", fix="delete it.")

    file = tmp_path / "counts.jsonl"
    assert read(file) == []
    assert not file.exists()
    opened(file)
    with file.open("a") as lines:
        lines.write('{"n": 3}\n{"n": ')
    before = file.read_bytes()
    assert read(file) == [3]
    assert file.read_bytes() == before
    file.write_text('{"schema": 1, "data": "ade20k"}\n')
    with pytest.raises(InputError, match="those with data cocostuff"):
        read(file)
