"""The bundled specs: next to the package in a checkout, inside it in a wheel."""

import os

from archcalc.core.answers import looked_for

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

SCHEMA = "archcalc.schema.json"
"""The file of the JSON Schema, beside the specs that name it."""

MODELINE = f"# yaml-language-server: $schema={SCHEMA}\n"
"""The first line of a spec, by which editors with the YAML language server find the schema beside it."""


def folder() -> str:
    """The folder of the bundled specs."""
    inside = os.path.join(PACKAGE, "specs")
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(PACKAGE), "specs")


def bundled() -> dict[str, str]:
    """The path of every bundled spec, by the stem of its file."""
    where = folder()
    looked_for(where)
    files = sorted(each for each in os.listdir(where) if each.endswith(".yaml")) if os.path.isdir(where) else ()
    return {each.removesuffix(".yaml"): os.path.join(where, each) for each in files}


def text_of(name: str) -> str:
    """The text of a bundled spec, to be copied: without the line that names a schema beside it."""
    with open(bundled()[name], encoding="utf-8") as file:
        return file.read().removeprefix(MODELINE)
