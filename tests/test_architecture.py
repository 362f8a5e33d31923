"""The rules of the house that a machine can hold: who imports whom, what stays where, how long things get."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

# What each part of vspwlib may import, besides itself and `checks`.
LAYERS: dict[str, set[str]] = {
    "checks": set(),
    "labels": set(),
    "values": set(),
    "config": {"values"},
    "locks": set(),
    "logs": set(),
    "machine": set(),
    "runs": {"locks", "machine"},
    "progress": {"runs"},
    "models": {"machine"},
    "losses": {"machine"},
    "data": {"labels"},
    "metrics": {"labels"},
    "recipes": {"config"},
    "tables": set(),
    "train": {"data", "models", "losses", "runs"},
    "predict": {"data", "models", "runs"},
    "ensemble": {"predict", "metrics", "labels"},
    "report": {"metrics", "labels", "runs", "ensemble", "tables", "recipes", "values"},
}
ALLOWED = LAYERS | {
    "mmseg_bridge": {*LAYERS},
    "pipeline": {*LAYERS, "mmseg_bridge"},
    "cli": {*LAYERS, "mmseg_bridge", "pipeline"},
    "__main__": {"cli"},
}

MMSEG = {"mmseg", "mmengine", "mmcv"}
MMSEG_WRAPPERS = ("vspwlib.models.backbones.swin", "vspwlib.models.heads.uper", "vspwlib.mmseg_bridge")
LARGE = ("av", "numba", "plotly", "streamlit", "zarr")
HEAVY = {*LARGE, *MMSEG, "lightning", "numpy", "pandas", "timm", "torch", "torchvision"}
WITHOUT_TORCH = ("labels", "metrics", "report", "runs")

LONGEST_FILE, LONGEST_FUNCTION = 300, 60
BANNED = {"utils", "util", "helpers", "helper", "common", "misc"}


def library(sources: tuple) -> list:
    """Those files that make up vspwlib; too few of them means that the search is broken."""
    found = [source for source in sources if source.path.parts[0] == "vspwlib"]
    assert len(found) > 20
    return found


def part_of(path: Path) -> str:
    """The part of vspwlib to which a file belongs: its package, or its own name.

    >>> part_of(Path("vspwlib/data/index.py")), part_of(Path("vspwlib/checks.py")), part_of(Path("vspwlib/__init__.py"))
    ('data', 'checks', '__init__')
    """
    return Path(path.parts[1]).stem


def named_modules(node: ast.AST, package: tuple[str, ...]) -> list[str]:
    """Full names of the modules that one import names; those of ``importlib.import_module("...")`` count too."""
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=module, names=names, level=level):
            base = package[: len(package) - level + 1] if level else ()
            return [".".join((*base, *filter(None, [module]), alias.name)) for alias in names]
        case ast.Call(func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=str(name)), *_]):
            return [name]
    return []


def imports(source: object, *, inside_functions: bool = True) -> Iterator[tuple[str, str]]:
    """Yield (place, full module name) for each import of a file.

    Without ``inside_functions`` only what importing the file itself runs: no function bodies, no TYPE_CHECKING blocks.
    """
    pending: list[ast.AST] = [source.tree]
    while pending:
        node = pending.pop()
        for name in named_modules(node, source.path.with_suffix("").parts[:-1]):
            yield f"{source.path}:{node.lineno}", name
        deferred = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or (
            isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        )
        if inside_functions or not deferred:
            pending.extend(ast.iter_child_nodes(node))


def run_python(code: str, repository: Path) -> str:
    """Run code in a fresh interpreter and return what it prints."""
    done = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_relative_and_dynamic_imports_are_seen() -> None:
    code = "from . import a\nfrom ..labels import b\nimport torch.nn as nn\nimportlib.import_module('zarr.x')"
    found = [name for node in ast.walk(ast.parse(code)) for name in named_modules(node, ("vspwlib", "data"))]
    assert sorted(found) == ["torch.nn", "vspwlib.data.a", "vspwlib.labels.b", "zarr.x"]


def test_every_part_of_the_library_has_its_place_in_the_import_order(sources: tuple) -> None:
    parts = {part_of(source.path) for source in library(sources)} - {"__init__"}
    assert parts - set(ALLOWED) == set(), "a new part: add it to ALLOWED here and to the file tree in the README"


def test_the_import_order_has_no_cycle() -> None:
    order: list[str] = []
    while len(order) < len(ALLOWED):
        ready = [part for part, allowed in ALLOWED.items() if part not in order and allowed <= {*order, part}]
        assert ready, f"cycle among {sorted(set(ALLOWED) - set(order))}"
        order += ready


def out_of_order(source: object) -> list[str]:
    """Imports of ours that a file of vspwlib may not make."""
    part = part_of(source.path)
    mine = ALLOWED.get(part, set()) | {part, "checks"}
    names = [(place, name, name.split(".")) for place, name in imports(source)]
    return [
        f"{place} imports {name}"
        for place, name, (top, *rest) in names
        if top in {"workbench", "app"} or (top == "vspwlib" and rest and rest[0] in set(ALLOWED) - mine)
    ]


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ("from vspwlib.labels import VOID", True),
        ("from ..labels import VOID", True),
        ("from vspwlib import checks, __version__", True),
        ("from .index import Split", True),
        ("def f():\n    from vspwlib.models import zoo", False),
        ("from vspwlib import cli", False),
        ("import workbench.data", False),
    ],
)
def test_an_import_out_of_order_is_caught(line: str, allowed: bool) -> None:
    source = SimpleNamespace(path=Path("vspwlib/data/dataset.py"), tree=ast.parse(line))
    assert (out_of_order(source) == []) == allowed


def test_parts_import_only_what_the_order_allows(sources: tuple) -> None:
    files = library(sources)
    assert sum(name.startswith("vspwlib.") for source in files for _, name in imports(source)) > 20
    assert [line for source in files for line in out_of_order(source)] == []


def test_streamlit_stays_in_the_workbench(sources: tuple) -> None:
    found = [place for source in sources for place, name in imports(source) if name.partition(".")[0] == "streamlit"]
    assert found, "nothing imports streamlit: is the workbench being searched?"
    assert [place for place in found if place.startswith("vspwlib/")] == []


def test_workbench_imports_no_deep_learning(sources: tuple) -> None:
    screens = [source for source in sources if source.path.parts[0] in {"workbench", "app.py"}]
    assert len(screens) > 4
    heavy = {"torch", "torchvision", "lightning", "timm", *MMSEG}
    wrong = [f"{place}: {name}" for s in screens for place, name in imports(s) if name.partition(".")[0] in heavy]
    assert wrong == [], "call vspwlib instead"


def module_name(path: Path) -> str:
    """Dotted name under which a file is imported.

    >>> module_name(Path("vspwlib/data/index.py"))
    'vspwlib.data.index'
    """
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def test_mmseg_stays_behind_its_wrappers(sources: tuple) -> None:
    found = {
        module_name(source.path)
        for source in library(sources)
        for _, name in imports(source)
        if name.partition(".")[0] in MMSEG
    }
    assert found, "nothing imports mmseg: is the search broken?"
    assert {name for name in found if not name.startswith(MMSEG_WRAPPERS)} == set()


def test_large_libraries_are_imported_where_they_are_used(sources: tuple) -> None:
    lazy = tuple(f"{name}." for name in (*LARGE, *MMSEG_WRAPPERS))
    wrong = [
        f"{place}: {name}"
        for source in library(sources)
        for place, name in imports(source, inside_functions=False)
        if f"{name}.".startswith(lazy)
        and not (name.startswith("vspwlib.mmseg_bridge") and part_of(source.path) == "mmseg_bridge")  # its own parts
    ]
    assert wrong == [], "move the import into the function that needs it"


@pytest.mark.parametrize("part", WITHOUT_TORCH)
def test_opens_without_torch(part: str, repository: Path) -> None:
    code = f"""
import importlib, pkgutil, sys
part = importlib.import_module("vspwlib.{part}")
names = [module.name for module in pkgutil.walk_packages(getattr(part, "__path__", []), "vspwlib.{part}.")]
for name in names:
    importlib.import_module(name)
print(len(names), hasattr(part, "__path__"), "torch" in sys.modules)
"""
    modules, is_package, torch = run_python(code, repository).split()
    assert int(modules) > 0 or is_package == "False"
    assert torch == "False"


def test_importing_the_package_loads_nothing_large(repository: Path) -> None:
    loaded = run_python("import sys, vspwlib; print(*{name.split('.')[0] for name in sys.modules})", repository).split()
    assert "vspwlib" in loaded
    assert HEAVY & set(loaded) == set()


def test_files_are_short(sources: tuple, repository: Path) -> None:
    scripts = [path for path in (repository / "workbench").rglob("*.js") if path.parent.name == "src"]
    lengths = {str(source.path): source.text.count("\n") for source in sources}
    lengths |= {str(path.relative_to(repository)): path.read_text("utf-8").count("\n") for path in scripts}
    assert len(lengths) > 40
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE} == {}


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, the docstring left out.

    >>> code_lines(ast.parse('def f():\\n    \"\"\"One.\\n\\n    Two.\\n    \"\"\"\\n    return 1').body[0])
    2
    """
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    return function.end_lineno - function.lineno + 1 - documented * (first.end_lineno - first.lineno + 1)


def test_functions_are_short(sources: tuple) -> None:
    lengths = {
        f"{source.path}:{node.lineno} {node.name}": code_lines(node)
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert len(lengths) > 200
    assert {place: lines for place, lines in lengths.items() if lines > LONGEST_FUNCTION} == {}


def test_names_say_what_is_inside(sources: tuple) -> None:
    names = {part for source in sources for part in source.path.with_suffix("").parts}
    assert len(names) > 40
    assert {name for name in names if BANNED & set(name.lower().split("_"))} == set()
