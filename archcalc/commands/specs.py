"""`archcalc specs`: the bundled specs."""

from pathlib import Path

import click

from archcalc.command import write_text
from archcalc.core.diagnostic import did_you_mean
from archcalc.spec.document import read_document, read_source, variant_names
from archcalc.spec.zoo import bundled, text_of
from archcalc.usage.declared import UsageError, argument
from archcalc.usage.help import Group

EXAMPLES = (
    "archcalc specs list",
    "archcalc specs show resnet50",
)


@click.group("specs", cls=Group, examples=EXAMPLES, invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """List the bundled specs, or show one: list, show NAME, path NAME."""
    if context.invoked_subcommand is None:
        context.invoke(listed)


@command.command("list")
def listed() -> None:
    """List every bundled spec with its name and variants."""
    width = max(map(len, bundled()))
    for name, path in bundled().items():
        source = read_source(path)
        variants = ", ".join(f"@{each}" for each in variant_names(source))
        write_text(f"{name:{width}}  {read_document(source).name}" + (f"  ({variants})" if variants else "") + "\n")


@command.command("show")
@argument("name", completes="bundled")
def show(name: str) -> None:
    """Print the text of a bundled spec, without the line that names a schema beside it."""
    click.echo(text_of(Path(found(name)).stem), nl=False)


@command.command("path")
@argument("name", completes="bundled")
def path(name: str) -> None:
    """Print the path of a bundled spec."""
    click.echo(found(name))


def found(name: str) -> str:
    """The file of a bundled spec."""
    known = bundled()
    if name not in known:
        help = did_you_mean(name, known) or "`archcalc specs` lists them"
        raise UsageError(f"no bundled spec is called '{name}'; {help}")
    return known[name]
