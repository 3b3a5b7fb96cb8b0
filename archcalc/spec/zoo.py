"""The bundled specs: next to the package in a checkout, inside it in a wheel."""

from pathlib import Path

PACKAGE = Path(__file__).parent.parent


def folder() -> Path:
    """The folder of the bundled specs."""
    inside = PACKAGE / "specs"
    return inside if inside.is_dir() else PACKAGE.parent / "specs"


def bundled() -> dict[str, Path]:
    """The path of every bundled spec, by the stem of its file."""
    return {path.stem: path for path in sorted(folder().glob("*.yaml"))}
