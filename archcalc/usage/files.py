"""The specs that the arguments of a command name: files, and those in folders."""

from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path

from archcalc.core.answers import files_below, looked_for
from archcalc.core.diagnostic import SpecError
from archcalc.spec.document import read_regular
from archcalc.usage.declared import UsageError


def expanded(spec: str) -> Iterator[str]:
    """The specs that a name means: those in a directory, or the spec itself."""
    path = Path(spec)
    if spec and path.is_dir():
        looked_for(spec)
        files = [file for file in map(str, map(Path, files_below(spec, ".yaml"))) if is_spec(file)]
        if not files:
            raise UsageError(f"{spec} contains no specs")
        yield from files
    else:
        yield spec


def is_spec(file: str) -> bool:
    """Whether a YAML file is a spec: it has the key `archcalc:`."""
    try:
        text = read_regular(file).removeprefix(BOM_UTF8).decode()
    except (OSError, SpecError, UnicodeDecodeError):
        return False
    return any(line.startswith("archcalc:") for line in text.splitlines())
