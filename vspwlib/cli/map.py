"""``vspw map``: what the labels of other data sets mean in VSPW, and what follows for their images."""

import typer

from vspwlib.cli import map_report

app = typer.Typer(help="Label mappings from COCO-Stuff, ADE20K and CamVid: report.", no_args_is_help=True)
app.command("report")(map_report.report)


@app.callback()
def _map() -> None:
    """Label mappings from COCO-Stuff, ADE20K and CamVid: report."""
