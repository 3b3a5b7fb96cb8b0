"""`archcalc new`: a commented spec to start from."""

from pathlib import Path

from archcalc.command import write_output
from archcalc.spec.zoo import MODELINE, SCHEMA
from archcalc.usage.declared import OUTPUT, Choice, UsageError, argument, called, option
from archcalc.usage.options import output_option
from archcalc.usage.starters import starter, starters

EXAMPLES = (
    "archcalc new resnet",
    "archcalc new unet -o my_unet.yaml --schema",
)


@called("new", EXAMPLES)
@argument("kind", type=Choice(tuple(starters())), metavar="KIND")
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
            raise UsageError("--schema needs -o FILE: the schema is written beside it")
        write_output(starter(kind), output)
        return
    if Path(output).exists():
        raise UsageError(f"-o {output}: the file exists; name another one, or remove it")
    if schema:
        from archcalc.lint.schema import as_json  # lazy: 60 ms, all layers

        write_output(as_json(), str(Path(output).with_name(SCHEMA)))
    write_output(MODELINE * schema + starter(kind), output)
