"""`archcalc help`: the help of the program, or of a command."""

import click

from archcalc.usage.help import Command

EXAMPLES = (
    "archcalc help",
    "archcalc help report",
)


@click.command("help", cls=Command, examples=EXAMPLES)
@click.argument("name", required=False, metavar="COMMAND")
@click.pass_context
def command(context: click.Context, name: str | None) -> None:
    """Show the help of COMMAND, or of archcalc."""
    root = context.find_root()
    shown, where = root.command, root
    if name is not None:
        assert isinstance(root.command, click.Group)
        _, found, _ = root.command.resolve_command(root, [name])
        assert found is not None
        shown, where = found, click.Context(found, info_name=name, parent=root)
    click.echo(shown.get_help(where))
