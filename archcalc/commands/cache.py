"""`archcalc cache`: the answers that are kept."""

import click

from archcalc.core.answers import MOST_ANSWERS, MOST_BYTES, folder, kept, remove_oldest
from archcalc.usage.declared import OUTPUT, Refused, called, option

EXAMPLES = (
    "archcalc cache",
    "archcalc cache --clear",
)


@called("cache", EXAMPLES)
@option("--clear", is_flag=True, help="Remove all answers.", group=OUTPUT)
def command(clear: bool) -> None:
    """Show where answers are kept, or remove them.

    `report` and `check` keep what they print. They print it again if the command line, the files, the code and the
    terminal are as they were.
    """
    where = folder()
    if where is None:
        click.echo("no answers are kept: there is no folder for caches")
        return
    try:
        removed = remove_oldest(where, most=0) if clear else 0
        answers = kept(where)
    except FileNotFoundError:
        removed, answers = 0, []
    except OSError as error:
        raise Refused(f"{where}: {(error.strerror or str(error)).lower()}") from None
    if clear:
        click.echo(f"{removed} answers removed from {where}")
        return
    click.echo(f"folder   {where}")
    click.echo(f"answers  {len(answers)} of at most {MOST_ANSWERS}")
    click.echo(f"bytes    {sum(size for _, size, _ in answers):,} of at most {MOST_BYTES:,}")
