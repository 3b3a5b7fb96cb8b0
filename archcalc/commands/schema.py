"""`archcalc schema`: the JSON Schema of specs, for editors."""

from archcalc.command import write_output
from archcalc.lint.schema import as_json
from archcalc.usage.declared import called
from archcalc.usage.options import output_option

EXAMPLES = (
    "archcalc schema",
    "archcalc schema -o archcalc.schema.json",
)


@called("schema", EXAMPLES)
@output_option
def command(output: str | None) -> None:
    """Print the JSON Schema of specs, which editors use for completion and checks."""
    write_output(as_json(), output)
