"""The specs that the arguments of a command name: files, and those in folders."""

from collections.abc import Iterator
from pathlib import Path

import click

from archcalc.core.diagnostic import SpecError
from archcalc.spec.document import read_regular


def expanded(spec: str) -> Iterator[str]:
    """The specs that a name means: those in a directory, or the spec itself."""
    path = Path(spec)
    if spec and path.is_dir():
        files = [file for file in sorted(path.rglob("*.yaml")) if not hidden(file.relative_to(path)) and is_spec(file)]
        if not files:
            raise click.UsageError(f"{spec} contains no specs")
        yield from map(str, files)
    else:
        yield spec


def hidden(file: Path) -> bool:
    """Whether a file is in a hidden folder: .venv, .git."""
    return any(part.startswith(".") for part in file.parts)


def is_spec(file: Path) -> bool:
    """Whether a YAML file is a spec: it has the key `archcalc:`."""
    try:
        text = read_regular(str(file)).decode("utf-8-sig")
    except (OSError, SpecError, UnicodeDecodeError):
        return False
    return any(line.startswith("archcalc:") for line in text.splitlines())
