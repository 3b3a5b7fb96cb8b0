"""`archcalc fmt`: the canonical layout of specs."""

from collections.abc import Sequence
from difflib import unified_diff
from pathlib import Path

import click

from archcalc.command import PROBLEMS, Settings, print_diagnostics, write_output
from archcalc.core.diagnostic import Diagnostic, SpecError
from archcalc.core.location import Source
from archcalc.editor.layout import laid_out
from archcalc.graph.loading import source_of
from archcalc.usage.declared import OUTPUT, UsageError, argument, called, option
from archcalc.usage.files import expanded

EXAMPLES = (
    "archcalc fmt specs/lenet5.yaml",
    "archcalc fmt specs --check",
)


@called("fmt", EXAMPLES, with_settings=True)
@argument("specs", nargs=-1, metavar="FILE|DIR...", completes="specs")
@option("--check", is_flag=True, help="Change nothing. Exit with 1 if a file is laid out differently.", group=OUTPUT)
@option("--diff", is_flag=True, help="Change nothing. Print what would change.", group=OUTPUT)
def command(settings: Settings, /, specs: Sequence[str], check: bool, diff: bool) -> int:
    """Lay out specs in one canonical form. The order, the words and the comments stay.

    A directory means all specs in it; `-` reads standard input and writes standard output. A file that YAML cannot read
    is not changed: its errors are printed, and the exit code is 1.
    """
    if not specs:
        raise UsageError("no FILE or DIR given")
    problems: list[Diagnostic] = []
    changed, count = [], 0
    for name in (each for spec in specs for each in expanded(spec)):
        source = source_of(name)[0] if name == "-" else own_source(name)
        count += 1
        try:
            made = laid_out(source)
        except SpecError as error:
            problems += error.diagnostics
            continue
        changed += [source.name] * (made != source.text)
        if diff:
            click.echo(difference(source, made, settings), nl=False, color=True)
        elif name == "-" and not check:
            write_output(made, None)
        elif made != source.text and not check:
            write_output(made, name)
    if problems:
        print_diagnostics(problems, settings)
    if not settings.quiet and not (diff or specs == ("-",)):
        click.echo(summary(changed, count, check), err=True)
    return PROBLEMS if problems or (check and changed) else 0


def own_source(name: str) -> Source:
    """The text of a file. Raises UsageError for a variant, and for a bundled spec, which is not the user's."""
    source, variant = source_of(name)
    if variant is not None:
        raise UsageError(f"{name}: fmt lays out a file with all its variants: leave out @{variant}")
    if not Path(name).is_file():
        raise UsageError(f"{name} is a bundled spec; fmt lays out files: `archcalc fmt my_net.yaml`")
    return source


def difference(source: Source, made: str, settings: Settings) -> str:
    """What would change, as a unified diff; coloured like one."""
    lines = unified_diff(source.text.splitlines(), made.splitlines(), source.name, source.name, lineterm="")
    colors = {"+": "green", "-": "red", "@": "cyan"}
    coloured = settings.colors_for(None)
    return "".join(f"{click.style(each, fg=colors.get(each[:1])) if coloured else each}\n" for each in lines)


def summary(changed: Sequence[str], count: int, check: bool) -> str:
    """The files that changed, one a line, and how many they are."""
    verb = "would be laid out" if check else "laid out"
    files = f"{count:,} file{'s' * (count != 1)}"
    return "\n".join([*(f"{name} {verb}" for name in changed), f"{len(changed):,} of {files} {verb}"])
