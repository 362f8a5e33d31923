"""Options that several commands share, and how their text becomes values."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from vspwlib.checks import check_folder, fail, require
from vspwlib.progress import ProgressFile
from vspwlib.runs import Workspace

if TYPE_CHECKING:
    from vspwlib.pipeline.shards import Waiting

WorkspaceOption = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="Folder of runs and predictions; default VSPW_WORKSPACE or ./workspace."),
]
DataOption = Annotated[
    list[str] | None,
    typer.Option("--data", help="Data set as NAME=PATH (repeatable); a bare PATH is the video data set `vspw`."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
TestTimeOption = Annotated[
    list[str] | None, typer.Option("--set", help="Change a test-time setting, as in --set flip=false.")
]
ScalesOption = Annotated[
    list[str] | None, typer.Option(help="Sizes to average over, as ratios: 0.75,1,1.25 or repeated.")
]
StoreOption = Annotated[
    str | None,
    typer.Option("--store", help="Where the store goes, as in s3://bucket/name.zarr; the workspace notes it."),
]
ShardOption = Annotated[str, typer.Option(help="INDEX/COUNT: every COUNT-th video from INDEX on.")]
CountShardOption = Annotated[
    str, typer.Option("--shard", help="INDEX/COUNT: every COUNT-th video from INDEX on; the last shard merges all.")
]


class ProgressReport(Protocol):
    """What a progress bar is told."""

    def __call__(self, done: int, total: int, what: str = ..., /) -> None:
        """Show how much is done, of how much, and of what."""
        ...


def parse_data(values: list[str] | None, workspace: Workspace) -> dict[str, Path]:
    """Turn ``--data`` into folders by name; without any, the workspace's own references serve.

    Raises:
        InputError: when a folder does not exist.
    """
    if not values:
        return workspace.data_sets
    named = {}
    for value in values:
        name, equals, path = value.partition("=")
        named[name if equals else "vspw"] = path if equals else value
    return {name: check_folder(f"--data {name}", path) for name, path in named.items()}


def parse_settings(values: list[str] | None) -> dict[str, str]:
    """Turn repeated ``--set key=value`` into a mapping.

    >>> parse_settings(["optim.lr=1e-4"])
    {'optim.lr': '1e-4'}
    """
    settings = {}
    for value in values or []:
        key, equals, text = value.partition("=")
        if not equals:
            fail("--set", expected="key=value", got=repr(value), fix="for example --set optim.lr=1e-4.")
        settings[key.strip()] = text.strip()
    return settings


def parse_numbers(option: str, values: list[str] | None, *, example: str) -> list[float] | None:
    """Turn a repeated option, each time one number or several with commas, into numbers; None without any.

    >>> parse_numbers("--weights", ["0.5,0.3", "0.2"], example="0.5,0.5")
    [0.5, 0.3, 0.2]
    """
    if not values:
        return None
    try:
        return [float(part) for value in values for part in value.split(",")]
    except ValueError:
        fail(option, expected="numbers", got=repr(",".join(values)), fix=f"for example {option} {example}.")


def parse_test_time(settings: list[str] | None, scales: list[str] | None) -> dict[str, str]:
    """Return what ``--set`` and ``--scales`` change, by names of test-time settings, with ``predict.`` or without.

    >>> parse_test_time(["predict.flip=false"], ["0.5,1"])
    {'flip': 'false', 'scales': '[0.5, 1.0]'}
    """
    changed = {key.removeprefix("predict."): value for key, value in parse_settings(settings).items()}
    ratios = parse_numbers("--scales", scales, example="0.75,1,1.25")
    return changed if ratios is None else {**changed, "scales": str(ratios)}


def parse_shard(text: str, *, overwrite: bool = False) -> tuple[int, int]:
    """Parse ``INDEX/COUNT``; one part of several must not overwrite, because that drops the work of the others.

    >>> parse_shard("1/4")
    (1, 4)
    """
    index, _, count = text.partition("/")
    if not (index.isdecimal() and count.isdecimal() and int(index) < int(count)):
        fail("--shard", expected="INDEX/COUNT with INDEX below COUNT", got=repr(text), fix="for example --shard 0/4.")
    if overwrite and int(count) > 1:
        fix = "delete the store, then start the shards without --overwrite."
        fail("--overwrite", expected="a whole split", got=f"shard {text}", fix=fix)
    return int(index), int(count)


def show_waiting(waiting: "Waiting", *, as_json: bool) -> None:
    """Print which shards are missing, for people or for machines."""
    import json

    typer.echo(json.dumps(waiting.summary()) if as_json else str(waiting))


def parse_store(text: str | None) -> str | None:
    """Check the URL of a store outside the workspace: a name in a bucket, never the bucket itself.

    >>> parse_store("s3://bucket/a.zarr")
    's3://bucket/a.zarr'
    """
    if text is None:
        return None
    from vspwlib.predict.store_files import address

    where, fix = address(text), "predictions on this machine's disks go to the workspace."
    named = where.count("/") > 2 and not where.endswith("/")
    require("://" in where and named, "--store", expected="a URL like s3://bucket/name.zarr", got=where, fix=fix)
    return where


def with_embedded(
    folders: dict[str, Path], stills: tuple[str, ...], workspace: Workspace, *, quiet: bool
) -> dict[str, Path]:
    """Add the embedded data to the folders named: all of it where no videos are, else image sets beside its videos."""
    root = workspace.path / "data" / "mini"
    wanted = ("vspw", *stills)
    video = folders.get("vspw")
    # Without videos another name than the image sets' may be a slip of `vspw`
    own = folders.keys() <= {*stills} if video is None else video.resolve() == (root / "vspw").resolve()
    if not own or all(name in folders for name in wanted):
        return folders

    from vspwlib.data.synthetic import make_mini

    with progress_bar("drawing the embedded data", quiet=quiet) as progress:
        made = make_mini(root, progress=progress)
    return {name: made / name for name in wanted} | folders


@contextmanager
def progress_bar(label: str, *, quiet: bool = False) -> Iterator[ProgressReport]:
    """Show a bar on stderr while the block runs; yields ``report(done, total)``, perhaps with another label.

    Where ``VSPW_PROGRESS`` names a file, the state goes there too, quiet or not.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task(label, total=None)
        file = ProgressFile(label)

        def report(done: int, total: int, what: str = label) -> None:
            bar.update(task, completed=done, total=total, description=what)
            file.report(done, total, what)

        try:
            yield report
        finally:
            file.close()
