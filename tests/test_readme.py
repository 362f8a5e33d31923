"""The file tree in the README is the one on disk, and its tables are what runs have published."""

import json
import re
import subprocess
from pathlib import Path
from statistics import mean, stdev

import pytest

from vspwlib.metrics.summary import SplitScore

TREE = re.compile(r"^```\w*\n(vspw-workbench/\n.*?)^```$", re.MULTILINE | re.DOTALL)


def parse_tree(text: str) -> dict[str, str]:
    """Read a tree of two-space steps into {path: purpose}; folders end in a slash.

    >>> parse_tree("vspw-workbench/\\n  lib/     the library\\n    a.py   one thing\\n  Makefile  targets\\n")
    {'lib/': 'the library', 'lib/a.py': 'one thing', 'Makefile': 'targets'}
    """
    found: dict[str, str] = {}
    above: list[str] = []
    for line in text.splitlines()[1:]:
        name, _, purpose = line.strip().partition(" ")
        depth = (len(line) - len(line.lstrip())) // 2
        above = [*above[: depth - 1], name]
        found["".join(above)] = purpose.strip()
    return found


@pytest.fixture(scope="module")
def tree(repository: Path) -> dict[str, str]:
    block = TREE.search((repository / "README.md").read_text("utf-8"))
    assert block, "README.md holds no fenced block that begins with vspw-workbench/"
    entries = parse_tree(block[1])
    assert len(entries) > 20
    return entries


@pytest.fixture(scope="module")
def files(repository: Path) -> list[str]:
    """Every file that belongs to the project: those that git knows or would add."""
    if not (repository / ".git").exists():
        pytest.skip("this is no git checkout, so nothing says which files belong to the project")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True).stdout.splitlines()
    return [path for path in listed if (repository / path).is_file()]


def test_every_path_in_the_tree_exists(tree: dict[str, str], repository: Path) -> None:
    is_there = {
        path: (repository / path).is_dir() if path.endswith("/") else (repository / path).is_file() for path in tree
    }
    assert [path for path, there in is_there.items() if not there] == []


def test_every_path_in_the_tree_has_a_purpose(tree: dict[str, str]) -> None:
    assert [path for path, purpose in tree.items() if len(purpose) < 5] == []


def test_the_tree_names_everything_at_the_top(tree: dict[str, str], files: list[str]) -> None:
    top = {path.partition("/")[0] + "/" * ("/" in path) for path in files if not path.startswith(".")}
    assert len(top) > 10
    assert top - set(tree) == set()


def test_the_tree_names_every_part_of_the_code(tree: dict[str, str], files: list[str]) -> None:
    code = [Path(path) for path in files if path.startswith(("vspwlib/", "workbench/")) and path.endswith(".py")]
    parents = {f"{path.parent.as_posix()}/" for path in code}
    modules = {path.as_posix() for path in code if len(path.parts) == 2 and not path.stem.startswith("__")}
    assert len(parents) > 10
    assert len(modules) > 3
    assert (parents | modules) - set(tree) == set()


def scores_of(repository: Path, pattern: str, split: str) -> list[dict]:
    """The scores of published runs on a split, seed by seed."""
    files = sorted((repository / "results").glob(pattern))
    assert files
    return [SplitScore.from_json(json.loads(file.read_text("utf-8"))["splits"][split]).summary() for file in files]


def test_table_3_is_what_its_runs_published(repository):
    rows = {
        "stills, without the loss": "t3_baseline",
        "stills, with it within single frames": "t3_nce1",
        "clips of two, without the loss": "t3_clips2",
        "clips of two, with it": "t3_nce2",
        "clips of four, without the loss": "t3_clips4",
        "clips of four, with it": "t3_nce4",
    }
    readme = (repository / "README.md").read_text("utf-8")
    for title, row in rows.items():
        cells = [title]
        for profile, split in (("mini", "test1"), ("mini", "test2"), ("camvid", "val"), ("camvid", "test")):
            found = [100 * one["miou"] for one in scores_of(repository, f"table3/{profile}/{row}-s*.json", split)]
            cells.append(f"{mean(found):.1f}" + (f" ± {stdev(found):.1f}" if len(found) > 1 else ""))
        assert f"| {' | '.join(cells)} |" in readme


def test_the_figures_of_camvid_are_what_its_runs_published(repository):
    readme = (repository / "README.md").read_text("utf-8")
    for split, row, measures in (
        ("test", "test, seeds 0 and 1", ("miou", "pixel_acc")),
        ("val", "val (15 Hz), seeds 0 and 1", ("miou", "pixel_acc", "vc8", "vc16")),
    ):
        (line,) = [line for line in readme.splitlines() if line.startswith(f"| {row} |")]
        found = scores_of(repository, "baselines/camvid/upernet_swin_tiny-s*.json", split)
        cells = line.split("|")[2:]
        for measure, cell in zip(measures, cells, strict=False):
            assert cell.strip().startswith(", ".join(f"{100 * one[measure]:.1f}" for one in found))
