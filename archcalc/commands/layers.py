"""`archcalc layers`: the catalogue."""

import archcalc.layers  # noqa: F401  every file in it registers itself
from archcalc.command import write_text
from archcalc.core.diagnostic import did_you_mean
from archcalc.explanation.description import page, signature, summary
from archcalc.layer import LAYERS, known_names, layer_named
from archcalc.usage.declared import UsageError, argument, called

EXAMPLES = (
    "archcalc layers",
    "archcalc layers conv",
)


@called("layers", EXAMPLES)
@argument("name", required=False, completes="layers")
def command(name: str | None) -> None:
    """List the layers, or describe the layer NAME."""
    if name is None:
        write_text(catalogue())
        return
    layer = layer_named(name)
    if layer is None:
        help = did_you_mean(name, known_names()) or "`archcalc layers` lists them"
        raise UsageError(f"no layer is called '{name}'; {help}")
    write_text(page(layer))


def catalogue() -> str:
    """Every layer with its signature and summary."""
    calls = {signature(layer): summary(layer) for _, layer in sorted(LAYERS.items())}
    return "".join(f"{call}\n    {text}\n" for call, text in calls.items())
