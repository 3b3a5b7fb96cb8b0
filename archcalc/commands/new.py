"""`archcalc new`: a commented spec to start from."""

from pathlib import Path

import click

from archcalc.command import output_option, write_output
from archcalc.usage.help import Command, Words, argument
from archcalc.usage.starters import starter, starters

EXAMPLES = (
    "archcalc new resnet",
    "archcalc new unet -o my_unet.yaml",
)


@click.command("new", cls=Command, examples=EXAMPLES)
@argument("kind", type=Words(starters()), metavar="KIND")
@output_option
def command(kind: str, output: str | None) -> None:
    """Print a commented spec to start from. KIND is cnn, resnet, rnn, transformer or unet.

    An existing file is not replaced.
    """
    if output not in (None, "-") and Path(output).exists():
        raise click.UsageError(f"-o {output}: the file exists; name another one, or remove it")
    write_output(starter(kind), output)
