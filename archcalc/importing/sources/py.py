"""Code: `py:package.module:Name`, `py:my_net.py:Net(depth=4)`. Reading it runs it."""

import importlib
import sys
from functools import partial
from importlib.util import find_spec
from types import ModuleType

from archcalc.comparison.weights import Weights
from archcalc.core.diagnostic import problem
from archcalc.core.extra import MissingExtra
from archcalc.core.location import Source
from archcalc.core.overrides import Overrides
from archcalc.core.render import render_all, width_of
from archcalc.graph.loading import overridden
from archcalc.importing.checkpoint import weights_of_program
from archcalc.importing.named_modules import how_to_name
from archcalc.importing.network import Imported
from archcalc.importing.reference import PREFIX, CodeReference, code_reference, given_input
from archcalc.record import replace
from archcalc.spec.declaration import Document
from archcalc.spec.document import read_document


def claims(reference: str) -> bool:
    """Code with the prefix; the name of a file of Python alone, which is not code to run, is refused."""
    return reference.startswith(PREFIX) or reference.endswith(".py")


def read(reference: str, overrides: Overrides) -> Document:
    """Builds the module, runs it on inputs without values, and returns its document.

    Says on standard error whose code runs, and what of it is not exact. Raises SpecError if it cannot be followed.
    """
    found = network_of(reference, overrides)
    if found.findings:
        print(render_all(found.findings, room=width_of(sys.stderr)), file=sys.stderr)
    return overridden(partial(read_document, Source(reference, found.spec)), replace(overrides, inputs=()))


def weights(reference: str, overrides: Overrides) -> Weights:
    """The weights that its `state_dict` has, under the names of the code."""
    return weights_of_program(network_of(reference, overrides).program)


def network_of(reference: str, overrides: Overrides) -> Imported:
    """What the code of a reference does; the first line says whose it is."""
    if not reference.startswith(PREFIX):
        said = f"{reference} is code, which runs only if it is asked to"
        raise problem("AC500", said, help=how_to_name(reference))
    named = code_reference(reference)
    say_whose(named)
    found: Imported = from_code().network_in(named, [given_input(each) for each in overrides.inputs])
    return found


def say_whose(reference: CodeReference) -> None:
    """The first line: importing Python runs it."""
    what = f"{reference.home} ({reference.name}: constructor and forward)"
    print(f"archcalc: this runs the code of {what} with your rights", file=sys.stderr)


def from_code() -> ModuleType:
    """What runs code. Raises MissingExtra where there is no torch."""
    return with_torch("from_code")


def with_torch(module: str) -> ModuleType:
    """A module of this room that imports torch. Raises MissingExtra where there is none."""
    if find_spec("torch") is None:
        raise MissingExtra("importing code needs torch: pip install 'archcalc[torch]'")
    return importlib.import_module(f"archcalc.importing.{module}")
