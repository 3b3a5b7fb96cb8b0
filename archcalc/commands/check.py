"""`archcalc check`: syntax, names, shapes and published numbers."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click

from archcalc.checking import problems_of
from archcalc.command import PROBLEMS, Settings
from archcalc.core.diagnostic import Diagnostic, SpecError
from archcalc.core.render import printable, render_all
from archcalc.loading import document_of, document_of_chain
from archcalc.spec.declaration import Document
from archcalc.spec.document import read_source, variant_names


@click.command("check")
@click.argument("specs", nargs=-1, metavar="SPEC|DIR...")
@click.option("-e", "expressions", multiple=True, metavar="CHAIN", help="A network in one line.")
@click.option("--format", "form", type=click.Choice(["text", "concise", "json"]), default="text", show_default=True)
@click.pass_obj
def command(settings: Settings, specs: Sequence[str], expressions: Sequence[str], form: str) -> int:
    """Syntax, names, shapes and published numbers.

    A directory stands for the specs in it, and a file for itself and its variants.
    """
    if not specs and not expressions:
        raise click.UsageError("no SPEC or DIR")
    names = [name for spec in specs for name in expanded(spec)]
    told = [each for name in names for each in problems_in(document_of, name)]
    if expressions:
        told += problems_in(document_of_chain, "\n".join(expressions))
    found = list(dict.fromkeys(told))  # variants share most of a file, and what is wrong with it
    click.echo(written(found, form, settings), nl=False, color=True)
    if not found and form == "text" and not settings.quiet:
        count = len(names) + bool(expressions)
        click.echo(f"{count} network{'s' * (count != 1)} checked, no problems", err=True)
    return PROBLEMS if found else 0


def expanded(spec: str) -> Iterator[str]:
    """The specs that a name stands for: those of a directory, and every variant of a file."""
    path = Path(spec)
    if spec and path.is_dir():
        files = [file for file in sorted(path.rglob("*.yaml")) if not hidden(file.relative_to(path)) and is_spec(file)]
        if not files:
            raise click.UsageError(f"no spec lies in {spec}")
        for file in files:
            yield from with_variants(str(file))
    elif path.is_file():
        yield from with_variants(spec)
    else:
        yield spec


def hidden(file: Path) -> bool:
    """Whether a file lies where nobody looks: .venv, .git."""
    return any(part.startswith(".") for part in file.parts)


def is_spec(file: Path) -> bool:
    """Whether a YAML file claims to be one of ours."""
    try:
        return any(line.startswith("archcalc:") for line in file.read_text(encoding="utf-8-sig").splitlines())
    except (OSError, UnicodeDecodeError):
        return False


def with_variants(file: str) -> Iterator[str]:
    yield file
    try:
        yield from (f"{file}@{variant}" for variant in variant_names(read_source(file)))
    except SpecError:
        return  # what is wrong with the file is told when it is checked itself


def problems_in(read: Callable[[str], Document], spec: str) -> Sequence[Diagnostic]:
    try:
        return problems_of(read(spec))
    except SpecError as error:
        return error.diagnostics


def written(found: Sequence[Diagnostic], form: str, settings: Settings) -> str:
    if form == "json":
        return json.dumps([as_json(each) for each in found], indent=1, ensure_ascii=False) + "\n"
    if form == "concise":
        return "".join(printable(f"{each.location or 'archcalc'}: {each.code} {each.message}") + "\n" for each in found)
    return f"{render_all(found, color=settings.colors(sys.stdout))}\n" if found else ""


def as_json(each: Diagnostic) -> dict[str, object]:
    place = each.location
    return {
        "code": each.code,
        "severity": each.severity,
        "message": each.message,
        "file": place.source.name if place else None,
        "line": place.line + 1 if place else None,
        "column": place.column + 1 if place else None,
        "length": place.length if place else None,
        "notes": list(each.notes),
        "help": each.help,
    }
