"""`archcalc selftest`: checks the figures on this machine, with this torch."""

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from archcalc.command import PROBLEMS, Settings, write_output
from archcalc.core.extra import MissingExtra
from archcalc.usage.declared import called
from archcalc.usage.options import output_option

if TYPE_CHECKING:
    from archcalc.verification.selftest import Certificate

EXAMPLES = (
    "archcalc selftest",
    "archcalc selftest -o selftest.json",
)


@called("selftest", EXAMPLES, with_settings=True)
@output_option
def command(settings: Settings, /, output: str | None) -> int:
    """Check the figures on this machine: about a minute.

    Runs six small networks with values and a training step, and every bundled spec on torch's meta device, and compares
    every number. -o FILE.json writes a certificate with the versions of everything that took part.
    """
    if find_spec("torch") is None:
        raise MissingExtra("selftest needs torch: pip install 'archcalc[torch]'")
    from archcalc.verification.selftest import selftest, to_json  # lazy: torch, 1 to 2 s

    shown = sys.stderr.isatty() and not settings.quiet

    def show(stage: str) -> None:
        if shown:
            click.echo(f"\r\x1b[K{stage}", nl=False, err=True)

    made = selftest(show=show)
    if shown:
        click.echo("\r\x1b[K", nl=False, err=True)
    click.echo("\n".join(text_of(made)), err=output == "-")
    if output:
        write_output(to_json(made), output)
    return 0 if made.agrees else PROBLEMS


def text_of(made: "Certificate") -> Iterator[str]:
    """The environment, the networks by device, and what differs."""
    yield ", ".join(f"{name} {text}" for name, text in made.versions.items())
    for device, what in (("cpu", "run with values"), ("meta", "on the meta device")):
        there = [each for each in made.networks if each.device == device and not each.left_out]
        count = sum(each.comparisons for each in there)
        good = sum(each.agrees for each in there)
        yield f"{good} of {len(there)} networks agree {what}: {count:,} comparisons"
    for each in made.networks:
        if each.left_out:
            yield f"{each.name} was left out: {each.left_out}"
    for each in made.wrong:
        yield f"{each.name} on {each.device} DISAGREES"
        yield from (f"  {line}" for line in each.differences)
    yield f"{'all numbers agree' if made.agrees else 'numbers disagree'}; {made.seconds} s"
