"""Join the sources of the live view into one module when it is needed: one text is what a component and a widget take.

The sources are ES modules that import each other by name; joined, they share one scope, so ``import`` and ``export``
fall away and a name may be defined at the top of one file only.
"""

import re
from pathlib import Path

from vspwlib.checks import fail, require

SOURCES = Path(__file__).parent / "src"

_ENTRY = "main.js"
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w]+\.js)";\n', re.MULTILINE)
_PASSED_ON = re.compile(r'^export \{ ([^}]*) \} from "\./([\w]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async |function|class|const|let)\b)", re.MULTILINE)
_DEFINED = re.compile(r"^(?:async )?(?:function|class|const|let) (\w+)", re.MULTILINE)
_UNJOINED = re.compile(r"^(?:import\b.*|export\b.*|(?:const|let) .*,)$", re.MULTILINE)


def joined() -> str:
    """Return the text of the joined module.

    Returns:
        An ES module that exports what ``src/main.js`` passes on.

    Raises:
        InputError: two files define one name, or an import is of a form that cannot be joined.
    """
    entry = (SOURCES / _ENTRY).read_text("utf-8")
    names = [name for names, _ in _PASSED_ON.findall(entry) for name in names.split(", ")]
    order: list[str] = []
    for _, file in _PASSED_ON.findall(entry):
        _visit(file, order)
    owners: dict[str, str] = {}
    parts = []
    for file in order:
        text = _EXPORT.sub("", _IMPORT.sub("", (SOURCES / file).read_text("utf-8")))
        left = _UNJOINED.findall(text)
        fix = 'write `import { name } from "./file.js";`, export what is declared, and declare one name at a time.'
        require(not left, "source", expected="plain imports and declarations", got=left[:1], where=file, fix=fix)
        for name in _DEFINED.findall(text):
            if name in owners:
                fail("source", expected="names defined once", got=f"{name} in {owners[name]} too", where=file)
            owners[name] = file
        parts.append(f"// ---- {file}\n{text}")
    return "\n".join([*parts, f"export {{ {', '.join(names)} }};\n"])


def _visit(file: str, order: list[str]) -> None:
    """Add a file after all that it imports."""
    if file in order:
        return
    for other in _IMPORT.findall((SOURCES / file).read_text("utf-8")):
        _visit(other, order)
    if file not in order:
        order.append(file)
