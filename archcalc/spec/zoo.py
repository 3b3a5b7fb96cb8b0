"""The bundled specs: next to the package in a checkout, inside it in a wheel."""

from pathlib import Path

from archcalc.core.answers import looked_for

PACKAGE = Path(__file__).parent.parent

SCHEMA = "archcalc.schema.json"
"""The file of the JSON Schema, beside the specs that name it."""

MODELINE = f"# yaml-language-server: $schema={SCHEMA}\n"
"""The first line of a spec, by which editors with the YAML language server find the schema beside it."""


def folder() -> Path:
    """The folder of the bundled specs."""
    inside = PACKAGE / "specs"
    return inside if inside.is_dir() else PACKAGE.parent / "specs"


def bundled() -> dict[str, Path]:
    """The path of every bundled spec, by the stem of its file."""
    where = folder()
    looked_for(str(where))
    return {path.stem: path for path in sorted(where.glob("*.yaml"))}


def text_of(name: str) -> str:
    """The text of a bundled spec, to be copied: without the line that names a schema beside it."""
    return bundled()[name].read_text(encoding="utf-8").removeprefix(MODELINE)
