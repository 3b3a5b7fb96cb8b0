"""`archcalc new`: a commented spec to start from."""

from pathlib import Path

import click

from archcalc.command import write_output
from archcalc.spec.zoo import MODELINE, SCHEMA
from archcalc.usage.help import OUTPUT, Command, Words, argument, option
from archcalc.usage.options import output_option
from archcalc.usage.starters import starter, starters

EXAMPLES = (
    "archcalc new resnet",
    "archcalc new unet -o my_unet.yaml --schema",
)


@click.command("new", cls=Command, examples=EXAMPLES)
@argument("kind", type=Words(starters()), metavar="KIND")
@output_option
@option(
    "--schema",
    is_flag=True,
    help=f"Also write {SCHEMA} beside FILE, and name it in its first line, for editors.",
    group=OUTPUT,
)
def command(kind: str, output: str | None, schema: bool) -> None:
    """Print a commented spec to start from. KIND is cnn, resnet, rnn, transformer or unet.

    An existing spec is not replaced.
    """
    if output is None or output == "-":
        if schema:
            raise click.UsageError("--schema needs -o FILE: the schema is written beside it")
        write_output(starter(kind), output)
        return
    if Path(output).exists():
        raise click.UsageError(f"-o {output}: the file exists; name another one, or remove it")
    if schema:
        from archcalc.lint.schema import as_json  # lazy: 60 ms, all layers

        write_output(as_json(), str(Path(output).with_name(SCHEMA)))
    write_output(MODELINE * schema + starter(kind), output)
