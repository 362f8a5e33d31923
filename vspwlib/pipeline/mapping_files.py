"""Label mappings of one's own in a workspace: ``mappings/<name>.csv``, found, read and written.

Opens without torch.
"""

from pathlib import Path

from vspwlib.checks import InputError, require
from vspwlib.data.writing import write_whole
from vspwlib.labels.mapping import LabelMapping, load_mapping
from vspwlib.labels.mapping_edit import check_mapping_name, mapping_text
from vspwlib.labels.sources import SOURCE_SETS
from vspwlib.runs import Workspace


def mappings_folder(workspace: Workspace) -> Path:
    """Return where a workspace keeps mappings of one's own."""
    return workspace.path / "mappings"


def own_mappings(workspace: Workspace, dataset: str) -> tuple[dict[str, Path], list[str]]:
    """Find the mappings of one's own for a data set.

    Args:
        workspace: Where to look.
        dataset: ``cocostuff``, ``ade20k`` or ``camvid``.

    Returns:
        The files by name, ending included, and the messages of those that cannot be used. A file is for the data set
        whose values and names it shares most.
    """
    found: dict[str, Path] = {}
    errors: list[str] = []
    for path in sorted(mappings_folder(workspace).glob("*.csv")):
        if path.name.startswith("."):
            continue
        try:
            if _dataset_of(load_mapping(path)) == dataset:
                load_mapping(path, dataset=dataset)
                found[path.name] = path
        except InputError as error:
            errors.append(str(error))
    return found, errors


def _dataset_of(mapping: LabelMapping) -> str:
    """Return the data set that most rows of a mapping are for."""
    rows = {(row.source_value, row.source_name) for row in mapping.rows}

    def shared(name: str) -> int:
        return len(rows & {(row.source_value, row.source_name) for row in load_mapping(name).rows})

    return max(SOURCE_SETS, key=shared)


def write_mapping(mapping: LabelMapping, folder: Path, name: str, *, dataset: str, replacing: bool = False) -> Path:
    """Write a mapping as ``<folder>/<name>.csv``, whole and readable or not at all.

    Args:
        mapping: The mapping.
        folder: Made where it is missing.
        name: A plain file name without ending.
        dataset: Data set that the mapping is for, by which it is checked.
        replacing: Write over an earlier file of that name.

    Returns:
        The file.

    Raises:
        InputError: the name is not plain or taken, a cell is wrong, or the file cannot be written.
    """
    path = folder / f"{check_mapping_name(name)}.csv"
    taken = "choose another name, or allow replacing."
    require(replacing or not path.exists(), "name", expected="a new one", got=f"'{name}'", where=path, fix=taken)
    text = mapping_text(mapping)

    def save(part: Path) -> None:
        part.write_text(text, encoding="utf-8")
        right, got = "the rows that were written", "others when read back"
        same = load_mapping(part, dataset=dataset).rows == mapping.rows
        fix = "take blanks off both ends of names and reasons."
        require(same, "mapping", expected=right, got=got, where=path, fix=fix)

    write_whole(path, save)
    return path
