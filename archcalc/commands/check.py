"""`archcalc check`: syntax, names, shapes and published numbers."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from archcalc.checking import judged
from archcalc.command import PROBLEMS, Settings, put
from archcalc.core.diagnostic import Diagnostic, Edit, SpecError, enumerated
from archcalc.core.render import render_all
from archcalc.diagnostic_formats import FORMATS
from archcalc.editing import edited
from archcalc.linting import Selection, findings_of
from archcalc.loading import document_of, document_of_chain
from archcalc.rule import RULES
from archcalc.spec.declaration import Document
from archcalc.spec.document import read_source, variant_names


@click.command("check")
@click.argument("specs", nargs=-1, metavar="SPEC|DIR...")
@click.option("-e", "expressions", multiple=True, metavar="CHAIN", help="A network in one line.")
@click.option("--select", multiple=True, metavar="CODE,...", help="Only these rules, or all that begin so: AR1.")
@click.option("--ignore", multiple=True, metavar="CODE,...", help="Not these rules.")
@click.option("--fix", is_flag=True, help="Mend in the files what can be mended safely.")
@click.option("--strict", is_flag=True, help="What rules find counts as a problem: exit code 1.")
@click.option("--format", "form", type=click.Choice(["text", *FORMATS]), default="text", show_default=True)
@click.pass_obj
def command(settings: Settings, /, specs: Sequence[str], expressions: Sequence[str], form: str, **options: Any) -> int:
    """Syntax, names, shapes, published numbers, and whether the design is sound.

    A directory stands for the specs in it, and a file for itself and its variants. What rules find are warnings:
    `archcalc explain AR101` says why, and `# noqa: AR101` at the end of a line leaves it out there.
    """
    if not specs and not expressions:
        raise click.UsageError("no SPEC or DIR")
    selection = selection_of(options["select"], options["ignore"])
    names = [name for spec in specs for name in expanded(spec)]
    told = [each for name in names for each in told_of(document_of, name, selection)]
    if expressions:
        told += told_of(document_of_chain, "\n".join(expressions), selection)
    found = once(told)
    if options["fix"]:
        found = mended(found)
    click.echo(written(found, form, settings), nl=False, color=True)
    if not found and form == "text" and not settings.quiet:
        count = len(names) + bool(expressions)
        click.echo(f"{count} network{'s' * (count != 1)} checked, no problems", err=True)
    return PROBLEMS if any(options["strict"] or each.severity == "error" for each in found) else 0


def selection_of(select: Sequence[str], ignore: Sequence[str]) -> Selection:
    """The rules that are asked for; a word that no rule's code begins with is a mistake."""
    chosen, left_out = (tuple(code.strip() for each in given for code in each.split(",")) for given in (select, ignore))
    for word in (*chosen, *left_out):
        if not any(code.startswith(word.upper()) for code in RULES):
            raise click.UsageError(f"no rule begins with '{word}': {enumerated(RULES)}")
    return Selection(chosen or Selection().select, left_out)


def once(told: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Without what variants repeat: they share most of a file, and what is wrong with it."""
    found: dict[object, Diagnostic] = {}
    for each in told:
        what = () if each.severity == "warning" else (each.message,)
        found.setdefault((each.code, each.location, *what) if each.location else each, each)
    return list(found.values())


def mended(found: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Makes the edits in the files; what is left."""
    edits: dict[str, list[Edit]] = {}
    for each in found:
        if each.edits and each.location and Path(each.location.source.name).is_file():
            edits.setdefault(each.location.source.name, []).extend(each.edits)
    for name, changes in edits.items():
        put(edited(changes[0].where.source.text, changes), name)
    if edits:
        count = sum(map(len, edits.values()))
        click.echo(f"{count} mended in {enumerated(edits)}", err=True)
    return [each for each in found if not (each.edits and each.location and each.location.source.name in edits)]


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


def told_of(read: Callable[[str], Document], spec: str, selection: Selection) -> Sequence[Diagnostic]:
    """What is wrong with a spec, and what rules find where nothing keeps it from being built."""
    variant = "" if Path(spec).is_file() else spec.rpartition("@")[2] if "@" in spec else ""

    def noted(each: Diagnostic) -> Diagnostic:
        return replace(each, notes=(*each.notes, f"in the variant {variant}")) if variant else each

    try:
        document = read(spec)
        graph, found = judged(document)
        return [*map(noted, found), *(findings_of(document, graph, selection) if graph else ())]
    except SpecError as error:
        return [*map(noted, error.diagnostics)]


def written(found: Sequence[Diagnostic], form: str, settings: Settings) -> str:
    if form == "text":
        return f"{render_all(found, color=settings.colors(sys.stdout))}\n" if found else ""
    return FORMATS[form](found)
