"""The bundled specs: beside the package in a checkout, inside it in a wheel."""

from pathlib import Path

PACKAGE = Path(__file__).parent.parent


def folder() -> Path:
    """Where the specs are."""
    inside = PACKAGE / "specs"
    return inside if inside.is_dir() else PACKAGE.parent / "specs"


def bundled() -> dict[str, Path]:
    """Every bundled spec by its name: its file's stem."""
    return {path.stem: path for path in sorted(folder().glob("*.yaml"))}
