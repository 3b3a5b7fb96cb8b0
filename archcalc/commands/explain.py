"""`archcalc explain CODE`: the long text of a diagnostic's code."""

import click

from archcalc.core.codes import CODES
from archcalc.core.diagnostic import did_you_mean


@click.command("explain")
@click.argument("code")
def command(code: str) -> None:
    """The long text of a diagnostic's code, such as AC201."""
    known = code.upper()
    if known not in CODES:
        help = did_you_mean(known, CODES) or "codes look like AC201"
        raise click.UsageError(f"no diagnostic has the code '{code}'; {help}")
    title, text = CODES[known]
    click.echo(f"{known}: {title}\n\n{text.rstrip()}")
