"""``vspw map``: what the labels of other data sets mean in VSPW, and what follows for their images."""

import typer

from vspwlib.cli import map_check, map_filter, map_materialise, map_report, map_suggest

app = typer.Typer(help="Label mappings: report, review, filter images, write mapped copies.", no_args_is_help=True)
app.command("report")(map_report.report)
app.command("filter")(map_filter.filter_images)
app.command("materialise")(map_materialise.materialise)
app.command("suggest")(map_suggest.suggest)
app.command("check")(map_check.check)
