"""``python -m tests.official [--json] FIXTURE.npz…``: hold our code to official outputs. Exit 0 only if all hold."""

import argparse
import importlib
import json
import sys
from pathlib import Path

from tests.official.fixture import Check, Fixture, compare

#: Modules of this package, asked in this order whether a fixture is theirs.
FAMILIES = (
    "swin",
    "dcnv3",
    "set_losses",
    "mask2former",
    "eva",
    "relpos",
    "vit_training",
    "focalnet",
    "internimage",
    "vit_adapter",
)


def checks(path: Path) -> list[Check]:
    """Run one fixture. A stored output that its family does not know fails, as one that we do not compute does.

    Raises:
        ValueError: when no family knows the fixture, or it holds nothing to compare.
    """
    fixture = Fixture(path)
    for name in FAMILIES:
        family = importlib.import_module(f"tests.official.{name}")
        if family.matches(fixture):
            found = list(family.run(fixture))
            if not found:
                raise ValueError(f"{path}: a fixture of the family {name!r} without any output to compare")
            return found + [compare(output, None, fixture.array(output), 0.0) for output in fixture.forgotten]
    raise ValueError(f"{path}: no family knows this fixture; known: {', '.join(FAMILIES)}")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status: 0 all hold, 1 some do not, 2 a file could not be compared."""
    parser = argparse.ArgumentParser(prog="python -m tests.official", description=__doc__)
    parser.add_argument("fixtures", nargs="+", type=Path, metavar="FIXTURE.npz")
    parser.add_argument("--json", action="store_true", help="one JSON line per output")
    options = parser.parse_args(arguments)
    status = 0
    for path in options.fixtures:
        try:
            found = checks(path)
        except Exception as error:  # noqa: BLE001  whatever is wrong with one file, the others are still compared
            print(f"{path}: {type(error).__name__}: {error}", file=sys.stderr)
            status = 2
            continue
        if not all(check.passed for check in found):
            status = max(status, 1)
        show(path, found, as_json=options.json)
    return status


def show(path: Path, found: list[Check], *, as_json: bool) -> None:
    """Print one line per output."""
    if as_json:
        for check in found:
            error = check.error if check.error < float("inf") else None
            row = {"fixture": path.name, "name": check.name, "dtype": check.dtype, "error": error}
            print(json.dumps(row | {"tolerance": check.tolerance, "passed": check.passed}))
        return
    passed = sum(check.passed for check in found)
    print(f"{path.name}: {passed} of {len(found)} within tolerance")
    for check in found:
        verdict = "ok" if check.passed else "FAIL"
        print(f"  {verdict:<4}  {check.error:9.2e}  <= {check.tolerance:7.1e}  {check.dtype}  {check.name}")


if __name__ == "__main__":
    sys.exit(main())
