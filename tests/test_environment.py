"""pyproject.toml, constraints.txt and environment.yml say the same thing; the code imports only what they name."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

OURS = {"tests", "vspwlib", "workbench", "app"}
#: Packages that a declared one brings: torch's CUDA builds bring Triton; a widget is made of traitlets, and
#: routes beside Streamlit's are Starlette's.
BROUGHT = {"triton": "torch", "traitlets": "anywidget", "starlette": "streamlit"}
PIN = re.compile(r"[a-z0-9][a-z0-9._-]*==[0-9][0-9a-z.]*", re.IGNORECASE)


@pytest.fixture(scope="module")
def project(repository: Path) -> dict:
    return tomllib.loads((repository / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="module")
def environment(repository: Path) -> dict:
    return yaml.safe_load((repository / "environment.yml").read_text("utf-8"))


@pytest.fixture(scope="module")
def pins(repository: Path) -> dict[str, str]:
    lines = (repository / "constraints.txt").read_text("utf-8").splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def requirements(project: dict) -> list[Requirement]:
    """Every direct dependency, those of the extras included."""
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    return [Requirement(line) for group in groups for line in group]


def pip_lines(environment: dict) -> list[str]:
    """What conda hands to pip."""
    return next(entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))


def test_constraints_hold_names_and_versions_only(repository: Path) -> None:
    lines = (repository / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert len(pins) > 100
    assert [line for line in pins if not PIN.fullmatch(line)] == []
    assert not re.search(r"://|www\.|@", "\n".join(lines))
    names = [canonicalize_name(line.split("==")[0]) for line in pins]
    assert len(names) == len(set(names)), "a package is pinned twice"


def test_constraints_pin_every_direct_dependency_within_its_range(project: dict, pins: dict[str, str]) -> None:
    wanted = requirements(project)
    assert len(wanted) > 20
    wrong = [
        f"{need}: pinned to {pins.get(canonicalize_name(need.name))}"
        for need in wanted
        if not need.specifier.contains(pins.get(canonicalize_name(need.name), "0"), prereleases=True)
    ]
    assert wrong == [], "run `make constraints`"


def test_every_dependency_states_the_oldest_release_it_takes(project: dict) -> None:
    assert [str(need) for need in requirements(project) if ">=" not in str(need.specifier)] == []


def test_conda_python_is_one_that_the_project_admits(project: dict, environment: dict) -> None:
    python = next(entry for entry in environment["dependencies"] if str(entry).startswith("python="))
    assert SpecifierSet(project["requires-python"]).contains(python.removeprefix("python="))


def test_conda_brings_python_and_pip_only(environment: dict) -> None:
    named = [re.split(r"[=<>]", entry)[0] for entry in environment["dependencies"] if isinstance(entry, str)]
    assert sorted(named) == ["pip", "python"], "pyproject.toml is the one place for dependencies"


def test_conda_installs_the_project_with_every_extra_under_the_constraints(
    project: dict, environment: dict, repository: Path
) -> None:
    constraint, editable = pip_lines(environment)
    assert constraint == "--constraint constraints.txt"
    target, extras = re.fullmatch(r"--editable (\.)\[([a-z0-9,]+)\]", editable).groups()
    assert target == "."
    assert set(extras.split(",")) == set(project["optional-dependencies"])
    assert f"[{extras}]" in (repository / "Makefile").read_text("utf-8"), "the Makefile installs other extras"


def imported(tree: ast.Module) -> set[str]:
    """Top-level names of the modules that a file imports, at any depth."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def beside(path: Path, repository: Path) -> set[str]:
    """Names of a benchmark's neighbours, which it finds since it is started as a script."""
    return {other.stem for other in (repository / path).parent.glob("*.py")} if path.parts[0] == "benchmarks" else set()


@pytest.mark.parametrize("part", ["the product", "tests and benchmarks"])
def test_code_imports_only_declared_dependencies(sources: tuple, project: dict, repository: Path, part: str) -> None:
    product = part == "the product"
    chosen = [source for source in sources if (source.path.parts[0] not in ("tests", "benchmarks")) == product]
    extras = project["optional-dependencies"]
    groups = [project["dependencies"], *(lines for name, lines in extras.items() if name != "dev" or not product)]
    declared = {canonicalize_name(Requirement(line).name) for lines in groups for line in lines}
    providers = packages_distributions()

    known = OURS | set(sys.stdlib_module_names)
    foreign = {(name, str(s.path)) for s in chosen for name in imported(s.tree) - known - beside(s.path, repository)}
    assert len({name for name, _ in foreign}) > 2
    undeclared = {
        f"{path}: {name}"
        for name, path in foreign
        if not declared & {canonicalize_name(dist) for dist in (*providers.get(name, ()), BROUGHT.get(name, name))}
    }
    assert undeclared == set(), "name the package in pyproject.toml"
