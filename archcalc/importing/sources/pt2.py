"""Programs of torch.export: their operations become a spec. No weight is read, and no pickle."""

import sys
from functools import partial
from pathlib import Path

from archcalc.comparison.weights import Weights
from archcalc.core.location import Source
from archcalc.core.overrides import Overrides
from archcalc.core.render import render_all
from archcalc.graph.loading import overridden
from archcalc.importing.checkpoint import weights_of_program
from archcalc.importing.network import Imported
from archcalc.importing.reference import given_input
from archcalc.importing.sources.py import with_torch
from archcalc.record import replace
from archcalc.spec.declaration import Document
from archcalc.spec.document import read_document


def claims(reference: str) -> bool:
    """Every file with such a suffix."""
    return Path(reference).suffix.lower() == ".pt2"


def read(reference: str, overrides: Overrides) -> Document:
    """The document of its spec. Says on standard error what of it is not exact. Raises SpecError if it is damaged."""
    found = network_of(reference, overrides)
    if found.findings:
        print(render_all(found.findings), file=sys.stderr)
    return overridden(
        partial(read_document, Source(f"{reference} as a spec", found.spec)), replace(overrides, inputs=())
    )


def weights(reference: str, overrides: Overrides) -> Weights:
    """The weights of the program, under the names of the code."""
    return weights_of_program(network_of(reference, overrides).program)


def network_of(reference: str, overrides: Overrides) -> Imported:
    given = [given_input(each) for each in overrides.inputs]
    found: Imported = with_torch("from_pt2").network_in(reference, given)
    return found
