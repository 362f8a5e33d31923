"""The command line ``vspw``: wiring only. Heavy imports stand inside the commands: ``--help`` answers at once."""

import logging
import os
import shlex
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from vspwlib import __version__
from vspwlib.checks import DISK_FULL, InputError
from vspwlib.cli import (
    compare,
    data,
    demo,
    doctor,
    embedding,
    ensemble,
    importing,
    models,
    movie,
    predict,
    runs,
    score,
    smooth,
    submit,
    tables,
    train,
)
from vspwlib.cli import map as label_map
from vspwlib.logs import FILE_ONLY, LEVELS, set_up

# Before torch loads OpenMP: threads that wait shall sleep. Spinning, they starve the data workers where cores are few,
# and a training that shares its machine slows down by an order of magnitude.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

logger = logging.getLogger(__name__)

app = typer.Typer(
    name="vspw",
    help="Train, ensemble and inspect video scene parsing models on VSPW, real video or the embedded default.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    epilog="VSPW_WORKSPACE names the workspace. VSPW_PROGRESS=FILE keeps FILE at how far a command is, as JSON: title, "
    "done, total (null while unknown), time (seconds since 1970).",
)
app.command()(demo.demo)
app.command()(train.train)
app.command()(predict.predict)
app.command()(score.score)
app.command()(compare.compare)
app.command()(embedding.embedding)
app.add_typer(ensemble.app, name="ensemble")
app.command()(smooth.smooth)
app.command()(movie.movie)
app.add_typer(importing.app, name="import")
app.command()(submit.submit)
app.command()(tables.tables)
app.add_typer(data.app, name="data")
app.add_typer(label_map.app, name="map")
app.add_typer(models.app, name="models")
app.add_typer(runs.app, name="runs")
app.command()(doctor.doctor)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vspw {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and leave.")
    ] = False,
    log_level: Annotated[
        str, typer.Option(envvar="VSPW_LOG_LEVEL", help=f"What stderr hears of: {', '.join(LEVELS)}.")
    ] = "warning",
    log_file: Annotated[
        Path | None, typer.Option(envvar="VSPW_LOG_FILE", help="Add JSON lines to this file, from info on.")
    ] = None,
) -> None:
    """Train, ensemble and inspect video scene parsing models on VSPW, real video or the embedded default."""
    set_up(log_level, log_file)
    given = shlex.join(sys.argv[1:])
    logger.info("vspw %s", given, extra={"version": __version__, "arguments": given, "folder": str(Path.cwd())})


def main() -> None:
    """Run the command line. Exit codes: 0 done, 2 wrong input (one message says what), 128 + n stopped by signal n."""
    try:
        app()
    except SystemExit as end:
        _log_end("ended", end.code)
        raise
    except InputError as error:
        # A data worker's error arrives wrapped in its traceback; the message is what follows the class's name.
        _end(str(error).rpartition("InputError: ")[2].strip())
    except OSError as error:
        if error.errno not in DISK_FULL:
            _log_end("crashed", 1)
            raise
        place = f" ({error.filename})" if error.filename else ""
        _end(f"disk: expected room to write, got {error.strerror}{place}. Fix: free some and give the command again.")
    except BaseException:
        _log_end("crashed", 1)
        raise


def _log_end(how: str, code: object) -> None:
    """Write how a command ended into the log file; stderr hears of it anyway."""
    logger.info(how, extra={"exit": code, FILE_ONLY: True}, exc_info=how == "crashed")


def _end(message: str) -> NoReturn:
    _log_end(f"ended: {message}", 2)
    typer.secho(f"vspw: {message}", err=True, fg="red")
    sys.exit(2)
