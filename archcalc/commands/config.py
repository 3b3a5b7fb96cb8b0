"""`archcalc config`: what is configured, and where."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from archcalc.command import write_text
from archcalc.core.configuration import KEYS, OWN, SHARED, Configuration
from archcalc.usage.help import CONFIGURATION, Command, commands_with
from archcalc.usage.options import format_option

EXAMPLES = (
    "archcalc config",
    "archcalc config --format json",
)


@click.command("config", cls=Command, examples=EXAMPLES)
@format_option("text", "json")
@click.pass_context
def command(context: click.Context, form: str) -> None:
    """Show the defaults of options that can be configured, and where each is from.

    The nearest archcalc.toml, or pyproject.toml with [tool.archcalc], in this folder or above it is read. The command
    line has precedence.
    """
    found: Configuration = context.meta[CONFIGURATION]
    rows = list(rows_of(context, found))
    if form == "json":
        click.echo(json.dumps({"file": found.file or None, "settings": rows}, indent=1, ensure_ascii=False))
        return
    write_text((found.file or f"no configuration: no {OWN}, and no {SHARED} with [tool.archcalc]") + "\n\n")
    lines = [("key", "value", "from", "option of"), *(cells(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        text = "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        write_text(f"{text}\n")


def rows_of(context: click.Context, found: Configuration) -> Iterator[Mapping[str, Any]]:
    for name in KEYS:
        users = [each.strip("`") for each in commands_with(f"--{name}", context)]
        configured = found.values.get(name)
        value = configured.value if configured else default_of(context, name, users[0])
        yield {
            "key": name,
            "value": list(value) if isinstance(value, tuple) else value,
            "line": configured.where.line + 1 if configured else None,
            "commands": users,
        }


def default_of(context: click.Context, name: str, user: str) -> Any:
    """The default of an option of a command."""
    root = context.find_root().command
    assert isinstance(root, click.Group)
    command = root.get_command(context, user)
    assert command
    option = next(each for each in command.params if f"--{name}" in each.opts)
    if option.multiple:
        return []
    return option.default if isinstance(option.default, str | bool) else None


def cells(row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    value = row["value"]
    text = ", ".join(value) if isinstance(value, list) else str(value).lower() if isinstance(value, bool) else value
    place = f"line {row['line']}" if row["line"] else "default"
    return row["key"], text or "-", place, ", ".join(row["commands"])
