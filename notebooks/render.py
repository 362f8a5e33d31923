"""Make the notebooks from their sources, and with ``--docs`` run them and write what they show to ``docs/notebooks``.

The sources are the ``.py`` files beside this one, in jupytext's percent format; a notebook is its source without
outputs, and names its cells by their number, so that it changes only where its source does.

    python notebooks/render.py --docs table2_multidataset
"""

import argparse
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent / "docs" / "notebooks"
SECONDS = 300  # for one cell


def sources() -> list[Path]:
    """Return the sources of all notebooks, by name."""
    return sorted(path for path in HERE.glob("*.py") if path != Path(__file__).resolve())


def notebook(source: Path) -> Any:
    """Return a source as a notebook, a ``nbformat.NotebookNode``."""
    import jupytext

    made = jupytext.read(source)
    for number, cell in enumerate(made.cells, start=1):
        cell.id = f"cell-{number}"
    made.metadata.pop("jupytext", None)
    return made


def run(made: Any, folder: Path = HERE) -> Any:
    """Run a notebook in a folder; its outputs are in it afterwards.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    from nbclient import NotebookClient

    return NotebookClient(made, timeout=SECONDS, resources={"metadata": {"path": str(folder)}}).execute()


def write_page(made: Any, name: str) -> None:
    """Write a notebook that was run as Markdown with its pictures."""
    from nbconvert import MarkdownExporter

    text, resources = MarkdownExporter().from_notebook_node(made)
    pictures = DOCS / name
    pictures.mkdir(parents=True, exist_ok=True)
    for path in pictures.iterdir():
        path.unlink()
    outputs = {old: data for old, data in resources["outputs"].items() if old.endswith(".png")}
    for number, (old, data) in enumerate(outputs.items(), start=1):
        (pictures / f"{number}.png").write_bytes(data)
        text = text.replace(f"![png]({old})", f"![]({name}/{number}.png)")
    said = f"<!-- Made from notebooks/{name}.py by `make notebooks`. -->\n\n"
    (DOCS / f"{name}.md").write_text(said + re.sub(r"\n\s*\n(\s*\n)+", "\n\n", text).strip() + "\n", encoding="utf-8")


def main() -> None:
    """Make the notebooks that are named, or all."""
    import nbformat

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="names of notebooks; all by default")
    parser.add_argument("--docs", action="store_true", help="run them and write docs/notebooks")
    options = parser.parse_args()
    for source in sources():
        if options.names and source.stem not in options.names:
            continue
        made = notebook(source)
        nbformat.write(made, source.with_suffix(".ipynb"))
        print(source.stem, file=sys.stderr)
        if options.docs:
            write_page(run(made), source.stem)


if __name__ == "__main__":
    main()
