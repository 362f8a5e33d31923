"""Docstrings are there, and the arguments they describe are those that the code takes."""

import ast
import re
from collections.abc import Iterator

import pytest

Function = ast.FunctionDef | ast.AsyncFunctionDef
DOCUMENTED = {"vspwlib", "workbench", "app.py"}


def documented_files(sources: tuple) -> list:
    """Those files whose public names must be documented."""
    found = [source for source in sources if source.path.parts[0] in DOCUMENTED]
    assert len(found) > 20
    return found


def section(docstring: str, title: str) -> list[str]:
    """Names described in one section of a Google docstring, without stars and types.

    >>> section("Args:\\n    a, *b: Both.\\n        More: of it.\\n    c (int): One.\\n\\nReturns:", "Args")
    ['a', 'b', 'c']
    >>> section("Do.", "Args")
    []
    """
    lines = docstring.splitlines()
    if f"{title}:" not in lines:
        return []
    names: list[str] = []
    indent = None
    for line in lines[lines.index(f"{title}:") + 1 :]:
        depth = len(line) - len(line.lstrip())
        if line.strip() and depth == 0:
            break
        indent = indent or depth
        entry = re.match(r"([\w*, ]+?)(?: \(.*?\))?:(?: |$)", line.strip())
        if entry and depth == indent:
            names += [name.strip(" *") for name in entry[1].split(",")]
    return names


def parameters(function: Function) -> list[str]:
    """Names of a function's arguments, without self and cls."""
    args = function.args
    every = [*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg]
    return [arg.arg for arg in every if arg is not None and arg.arg not in {"self", "cls"}]


def fields(node: ast.ClassDef) -> list[str]:
    """What a class is made from: the arguments of its ``__init__``, or its annotated fields when it has none."""
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            return parameters(statement)
    return [
        item.target.id for item in node.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    ]


def public(tree: ast.Module) -> Iterator[Function | ast.ClassDef]:
    """Yield the public functions and classes of a file, and the public methods of those classes."""
    for node in tree.body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            inside = node.body if isinstance(node, ast.ClassDef) else []
            yield from (item for item in inside if isinstance(item, Function) and not item.name.startswith("_"))


def stale(node: Function | ast.ClassDef) -> str:
    """Say how the described arguments differ from the real ones; empty when they agree or none are described."""
    docstring = ast.get_docstring(node) or ""
    described = section(docstring, "Args")
    real = fields(node) if isinstance(node, ast.ClassDef) else parameters(node)
    if described and sorted(described) != sorted(real):
        return f"{node.name}: describes {described}, takes {real}"
    surplus = set(section(docstring, "Attributes")) - {
        name.id if isinstance(name, ast.Name) else name.attr
        for name in ast.walk(node)
        if isinstance(name, ast.Name | ast.Attribute) and isinstance(name.ctx, ast.Store)
    }
    return f"{node.name}: describes attributes {sorted(surplus)}, which it does not set" if surplus else ""


def test_every_file_says_what_it_is_for(sources: tuple) -> None:
    assert [str(source.path) for source in documented_files(sources) if not ast.get_docstring(source.tree)] == []


def test_everything_public_has_a_docstring(sources: tuple) -> None:
    nodes = [(source.path, node) for source in documented_files(sources) for node in public(source.tree)]
    assert len(nodes) > 100
    undocumented = [
        f"{path}:{node.lineno} {node.name}"
        for path, node in nodes
        if not ast.get_docstring(node) and "overload" not in map(ast.unparse, node.decorator_list)
    ]
    assert undocumented == []


def test_described_arguments_are_the_real_ones(sources: tuple) -> None:
    nodes = [(source.path, node) for source in documented_files(sources) for node in public(source.tree)]
    assert sum(bool(section(ast.get_docstring(node) or "", "Args")) for _, node in nodes) > 20
    assert [f"{path}:{node.lineno} {text}" for path, node in nodes if (text := stale(node))] == []


@pytest.mark.parametrize(
    ("code", "fresh"),
    [
        ('def f(a, *, b):\n    """Do.\n\n    Args:\n        a: One.\n        b: Two.\n    """', True),
        ('def f(a, *, b):\n    """Do.\n\n    Args:\n        a: One.\n        c: Two.\n    """', False),
        ('def f(a, *, b):\n    """Do.\n\n    Args:\n        a: One.\n    """', False),
        ('def f(a, *rest):\n    """Do.\n\n    Args:\n        a: One.\n        *rest: Others.\n    """', True),
        ('class C:\n    """Hold.\n\n    Args:\n        a: One.\n    """\n    def __init__(self, a): ...', True),
        ('class C:\n    """Hold.\n\n    Args:\n        b: One.\n    """\n    def __init__(self, a): ...', False),
        ('class C:\n    """Hold.\n\n    Attributes:\n        a: One.\n    """\n    a: int', True),
        ('class C:\n    """Hold.\n\n    Attributes:\n        b: One.\n    """\n    a: int', False),
    ],
)
def test_a_stale_docstring_is_caught(code: str, fresh: bool) -> None:
    assert (stale(ast.parse(code).body[0]) == "") == fresh
