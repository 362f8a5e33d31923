"""``vspw models``."""

import typer

from vspwlib.cli.options import JsonOption

app = typer.Typer(help="The networks.", no_args_is_help=True)


@app.command("list")
def list_models(as_json: JsonOption = False) -> None:
    """List the networks with their parameter counts.

    Example: `vspw models list`
    """
    import json

    from rich.console import Console
    from rich.table import Table

    from vspwlib.models.zoo import NETWORKS, build_empty, count_parameters

    rows = []
    for network in NETWORKS.values():
        parameters = count_parameters(build_empty(network.name))
        rows.append({"name": network.name, "parameters": parameters, "summary": network.summary})
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table("name", "parameters", "summary")
    for row in rows:
        table.add_row(str(row["name"]), f"{int(str(row['parameters'])) / 1e6:.1f} M", str(row["summary"]))
    Console().print(table)
