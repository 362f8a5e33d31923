"""Fixtures shared by all tests."""

import ast
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
CODE = ("app.py", "vspwlib", "workbench", "benchmarks", "tests")


@dataclass(frozen=True)
class Source:
    """One Python file of the project: its path from the root of the checkout, its text, its syntax tree."""

    path: Path
    text: str
    tree: ast.Module


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def sources() -> tuple[Source, ...]:
    """Return every Python file of the project, parsed; the tests of the house rules read them."""
    found = [path for name in CODE for path in (REPOSITORY / name, *sorted((REPOSITORY / name).rglob("*.py")))]
    files = [path for path in found if path.is_file()]
    texts = [(path.relative_to(REPOSITORY), path.read_text("utf-8")) for path in files]
    return tuple(Source(path, text, ast.parse(text, str(path))) for path, text in texts)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of reference material beside the checkout.

    Where it is absent the test is skipped; under ``VSPW_REQUIRE_SHARED=1`` (``make parity``) it fails instead.
    """
    folder = REPOSITORY.parent / "shared"
    if not (folder / "data").is_dir():
        reason = f"reference material is not there: {folder} (real video and official fixtures)"
        if os.environ.get("VSPW_REQUIRE_SHARED") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that asks for the reference material, so that ``pytest -m parity`` runs exactly those."""
    for item in items:
        if "shared" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.parity)


@pytest.fixture
def deterministic():
    """Ask PyTorch for deterministic algorithms."""
    import torch

    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)
