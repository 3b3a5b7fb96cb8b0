"""The options that several commands share, and what they say of a network."""

from collections.abc import Mapping, Sequence
from typing import Any

from archcalc.core.diagnostic import did_you_mean
from archcalc.core.machine import DEFAULT, MACHINES
from archcalc.core.overrides import MAX_LAYERS, Overrides
from archcalc.usage.declared import (
    INPUT,
    OUTPUT,
    TRAINING,
    Choice,
    Decorator,
    Function,
    Range,
    UsageError,
    argument,
    option,
)


def together(*decorators: Decorator[Any]) -> Decorator[Any]:
    """Several decorators as one, the first one outermost: options in the order of `--help`."""

    def decorated(function: Function) -> Function:
        for each in reversed(decorators):
            function = each(function)
        return function

    return decorated


override_options = together(
    option(
        "--set",
        "assignments",
        multiple=True,
        metavar="NAME=VALUE",
        help="Set a parameter or a size: H=448.",
        completes="settings of spec",
        group=INPUT,
    ),
    option(
        "--input",
        "inputs",
        multiple=True,
        metavar="[NAME=]SHAPE",
        help="Set the shape of an input: 3,448,448.",
        group=INPUT,
    ),
    option(
        "--import-root",
        "import_roots",
        multiple=True,
        metavar="DIR",
        help="Allow imports from this folder.",
        group=INPUT,
    ),
    option(
        "--max-layers",
        type=Range(1),
        default=MAX_LAYERS,
        show_default=True,
        help="Reject networks with more layers.",
        group=INPUT,
    ),
)
"""--set, --input, --import-root, --max-layers: `changes_of` reads these options."""

network_options = together(
    option("-e", "expressions", multiple=True, metavar="CHAIN", help="A network in one line.", group=INPUT),
    override_options,
    option("--batch", type=Range(1), default=1, show_default=True, help="Batch size.", group=INPUT),
    option(
        "--dtype",
        type=Choice(("float64", "float32", "bfloat16", "float16")),
        default="float32",
        show_default=True,
        help="Dtype of floating-point inputs and weights.",
        group=INPUT,
    ),
)
"""-e, --set, --input, --import-root, --max-layers, --batch, --dtype."""

spec_options = together(argument("specs", nargs=-1, metavar="SPEC...", completes="specs"), network_options)
"""SPEC..., and the options of networks."""


free_option = option(
    "--free",
    multiple=True,
    metavar="NAME",
    help="Make a size or parameter a free symbol.",
    completes="parameters of spec",
    group=INPUT,
)

cache_option = option(
    "--cache/--no-cache",
    default=True,
    help="Give the answer of an earlier run if nothing has changed, and keep this one. Default: --cache.",
    group=OUTPUT,
)

output_option = option("-o", "--output", metavar="FILE", help="Output file, written atomically.", group=OUTPUT)


def format_option(*names: str, default: str | None = "text", help: str = "Output format.") -> Decorator[Any]:
    """--format, with the names of a command's formats."""
    kind = Choice(names)
    return option("--format", "form", type=kind, default=default, show_default=bool(default), help=help, group=OUTPUT)


def known_machine(name: str | None) -> str | None:
    """The name of a machine that is known, or none."""
    if name is not None and name not in MACHINES:
        help = did_you_mean(name, MACHINES) or f"one of {', '.join(MACHINES)}"
        raise UsageError(f"--machine: there is no machine named '{name}'; {help}")
    return name


machine_option = option(
    "--machine",
    metavar="NAME",
    callback=known_machine,
    help=f"The processor: {', '.join(MACHINES)}. Default: {DEFAULT.name}; of verify, the one it runs on.",
    completes="machines",
    group=TRAINING,
)

checkpoint_option = option(
    "--checkpoint",
    multiple=True,
    metavar="BLOCK",
    help="Checkpoint this block: keep only its inputs, run it again in backward.",
    completes="blocks of spec",
    group=TRAINING,
)

training_options = together(
    option(
        "--optimizer",
        metavar="CALL",
        help="Include an optimizer's state and step: adamw, 'sgd(0.1, momentum=0.9)'.",
        completes="optimizers",
        group=TRAINING,
    ),
    option(
        "--implementation",
        metavar="LOOP",
        type=Choice(("forloop", "foreach", "fused")),
        help="Torch's implementation of the optimizer step. Default: foreach.",
        group=TRAINING,
    ),
    option("--accumulate", is_flag=True, help="Add gradients to those of earlier batches.", group=TRAINING),
    option(
        "--autocast",
        type=Choice(("bfloat16",)),
        help="Run the forward pass under torch.autocast.",
        group=TRAINING,
    ),
    machine_option,
    checkpoint_option,
)
"""The training setup for memory predictions; `setup_of_options` reads these options."""


def overrides_of(specs: Sequence[str], expressions: Sequence[str], options: Mapping[str, Any]) -> Overrides:
    """What the options change of a spec. Raises UsageError if no network is given."""
    if not specs and not expressions:
        raise UsageError(
            'no SPEC given: name a path or a bundled spec such as resnet50, or use -e "input(3,32,32) -> fc(10)"'
        )
    return changes_of(options)


def changes_of(options: Mapping[str, Any]) -> Overrides:
    """What `override_options` change of a spec."""
    found = {}
    for each in options["assignments"]:
        name, equals, value = each.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--set needs NAME=VALUE, got '{each}'")
        found[name.strip()] = value.strip()
    return Overrides(
        settings=found, inputs=options["inputs"], roots=options["import_roots"], max_layers=options["max_layers"]
    )


def names_of(given: Sequence[str]) -> list[str] | None:
    """The names in `--free H,W`, which can be repeated; None if there are none."""
    return [name.strip() for each in given for name in each.split(",") if name.strip()] or None
