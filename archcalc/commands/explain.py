"""`archcalc explain SPEC LAYER` derives the numbers of a layer; `explain CODE` prints the long text of a diagnostic."""

import json
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from archcalc.command import room_of, write_output
from archcalc.core.codes import CODES
from archcalc.core.diagnostic import did_you_mean
from archcalc.core.render import flowed
from archcalc.explanation.explanation import Explanation, UnknownLayer, explain
from archcalc.explanation.text import WIDTH, as_text
from archcalc.graph.builder import build
from archcalc.graph.loading import documents_of, gc_paused
from archcalc.lint import rules  # noqa: F401  every file in it registers itself
from archcalc.lint.rule import RULES, text_of, title_of
from archcalc.record import asdict
from archcalc.usage.declared import UsageError, argument, called
from archcalc.usage.options import format_option, network_options, output_option, overrides_of

CODE = re.compile(r"[A-Za-z]{2}\d+")
"""The form of a diagnostic's code."""

EXAMPLES = (
    "archcalc explain resnet50 stem",
    "archcalc explain AC201",
)


@called("explain", EXAMPLES)
@argument("specs", nargs=-1, metavar="SPEC LAYER | CODE", completes="spec then layer")
@network_options
@output_option
@format_option("text", "json")
def command(specs: Sequence[str], expressions: Sequence[str], **options: Any) -> None:
    """Derive every number of a layer or block step by step: SPEC LAYER, or -e CHAIN LAYER.

    With the CODE of a diagnostic, such as AC201, print its long text.
    """
    if len(specs) == 1 and not expressions:
        write_output(flowed(long_text(specs[0]), room_of(options["output"])), options["output"])
        return
    *networks, layer = specs or [""]
    if len(networks) + bool(expressions) != 1 or not layer:
        raise UsageError("explain needs a SPEC and a LAYER: archcalc explain lenet5 conv1")
    overrides = overrides_of(networks, expressions, options)
    [document] = documents_of(networks, expressions, overrides)
    with gc_paused():
        graph = build(document, batch=options["batch"], dtype=options["dtype"])
    try:
        made = explain(graph, layer)
    except UnknownLayer as error:
        raise UsageError(str(error)) from None
    write = as_json if options["form"] == "json" else as_text_on_terminal
    write_output(write(made, options["output"]), options["output"])


def long_text(code: str) -> str:
    """The title and text of a diagnostic's code."""
    known = code.upper()
    if known in RULES:
        return f"{known}: {title_of(RULES[known])}\n\n{text_of(RULES[known])}\n"
    if known in CODES:
        title, text = CODES[known]
        return f"{known}: {title}\n\n{text.rstrip()}\n"
    if CODE.fullmatch(code):
        help = did_you_mean(known, [*CODES, *RULES]) or "codes look like AC201"
        raise UsageError(f"unknown diagnostic code '{code}'; {help}")
    raise UsageError(f"a layer is missing: archcalc explain {code} LAYER; codes look like AC201")


def as_text_on_terminal(made: Explanation, output: str | None) -> str:
    return as_text(made, min(room_of(output) or WIDTH, 120))


def as_json(made: Explanation, output: str | None) -> str:
    return json.dumps(asdict(made), indent=1, ensure_ascii=False, default=plain) + "\n"


def plain(value: object) -> str:
    if isinstance(value, Fraction):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON")
