"""`archcalc generate`: the network as PyTorch source."""

from collections.abc import Sequence
from typing import Any

from archcalc.codegen import generate
from archcalc.command import write_output
from archcalc.graph.builder import build
from archcalc.graph.loading import documents_of
from archcalc.usage.declared import UsageError, called, option
from archcalc.usage.options import checkpoint_option, names_of, output_option, overrides_of, spec_options

EXAMPLES = (
    "archcalc generate resnet50",
    "archcalc generate unet --flat -o unet.py",
)


@called("generate", EXAMPLES)
@spec_options
@output_option
@option("--flat", is_flag=True, help="Write one forward for all layers; it frees every tensor after its last use.")
@checkpoint_option
def command(specs: Sequence[str], expressions: Sequence[str], **options: Any) -> None:
    """Write the network as PyTorch source, one class per block.

    The file needs only torch, and its state_dict uses the names of the spec.
    """
    overrides = overrides_of(specs, expressions, options)
    documents = documents_of(specs, expressions, overrides)
    if len(documents) > 1:
        raise UsageError("generate takes one SPEC: a file contains one network")
    kinds = names_of(options["checkpoint"]) or ()
    if kinds and options["flat"]:
        raise UsageError("--flat calls no blocks, so none can be checkpointed: remove --flat or --checkpoint")
    graph = build(documents[0], batch=options["batch"], dtype=options["dtype"])
    write_output(generate(graph, flat=options["flat"], checkpointed=kinds).text, options["output"])
