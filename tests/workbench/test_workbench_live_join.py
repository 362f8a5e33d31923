"""The joined module is what its sources make, and a browser takes it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from vspwlib.checks import InputError
from vspwlib.labels import CLASS_NAMES
from workbench.live import join


def test_the_joined_module_has_every_source_and_no_import():
    sources = sorted(join.SOURCES.glob("*.js"))
    assert len(sources) > 20
    text = join.joined()
    assert {path.name for path in sources} - set(re.findall(r"^// ---- (\w+\.js)$", text, re.MULTILINE)) == {"main.js"}
    assert re.findall(r"^(?:import|export)\b.*", text, re.MULTILINE) == [text.rstrip().splitlines()[-1]]


def test_a_file_stands_after_those_that_it_imports():
    text = join.joined()
    imports = re.compile(r'from "\./(\w+\.js)"')
    pairs = [(path.name, other) for path in join.SOURCES.glob("*.js") for other in imports.findall(path.read_text())]
    assert len(pairs) > 40
    late = [pair for pair in pairs if pair[0] != "main.js" and text.index(f"- {pair[0]}") < text.index(f"- {pair[1]}")]
    assert late == []


def test_lines_are_short_and_nothing_is_left_over_from_work():
    lines = [(path.name, line) for path in join.SOURCES.glob("*.js") for line in path.read_text("utf-8").splitlines()]
    assert [place for place in lines if len(place[1]) > 120] == []
    assert [place for place in lines if re.search(r"console\.|debugger|TODO|\s$", place[1])] == []


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("const GAP = 1;\nexport const PANE = 2;\n", "names defined once, got GAP in one.js too"),
        ('import * as all from "./one.js";\n', "plain imports"),
        ("export default 3;\n", "plain imports"),
        ("const A = 1,\n  B = 2;\n", "declare one name at a time"),
    ],
)
def test_what_cannot_be_joined_is_refused(source: str, message: str, tmp_path: Path, monkeypatch):
    (tmp_path / "main.js").write_text('export { PANE } from "./two.js";\n')
    (tmp_path / "one.js").write_text("const GAP = 2;\nexport const ONE = GAP;\n")
    (tmp_path / "two.js").write_text('import { ONE } from "./one.js";\n' + source)
    monkeypatch.setattr(join, "SOURCES", tmp_path)
    with pytest.raises(InputError, match=message):
        join.joined()


def test_the_module_stands_alone():
    text = join.joined()
    assert not re.search(r"https?://(?!www\.w3\.org)", text), "nothing is loaded from elsewhere"
    assert CLASS_NAMES[4] not in text, "class names come with the clip"


def test_the_module_parses(tmp_path: Path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed; the tests in a browser parse the module too")
    copy = tmp_path / "live_view.mjs"
    copy.write_text(join.joined(), "utf-8")
    done = subprocess.run([node, "--check", str(copy)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
