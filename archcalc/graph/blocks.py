"""Calls of blocks: their arguments, and the frame in which their layers are expanded."""

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field

from archcalc.core.diagnostic import Diagnostic, SpecError, problem
from archcalc.core.volume import Volume
from archcalc.graph.binding import Kind, given_arguments, read, truth
from archcalc.graph.declarations import WORDS, Declarations
from archcalc.graph.frame import Frame, Named, Site, explicit_names, incoming, is_sequence
from archcalc.spec.chain import Invocation
from archcalc.spec.declaration import BlockDef
from archcalc.spec.expression import Names
from archcalc.spec.value import Value

MAX_NESTING = 48
"""Blocks within blocks."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """A block with its arguments, kept to run it again.

    `module`: the path of the modules that it uses; `members`: what the names of its body stand for.
    """

    definition: BlockDef
    arguments: Mapping[str, Value]
    frozen: bool
    module: str
    members: Mapping[str, Value] = field(default_factory=dict)


def expansion_of(call: Invocation, definition: BlockDef, frame: Frame, name: str, declared: Declarations) -> Expansion:
    """What a call of a block is to expand, under a name. Raises SpecError with everything that is wrong with it."""
    if any(site.definition is definition for site in frame.stack):
        raise problem("AC130", f"{call.target.text} contains itself", call.where)
    parameters = {word.text: default for word, default in definition.parameters}
    given, problems = given_arguments(call, tuple(parameters), (*parameters, "freeze"), {})
    values: dict[str, Value] = {}
    own_names: Names = ChainMap(values, dict(declared.parameters_of(declared.document.libraries[definition.home])))
    for parameter, default in parameters.items():
        value, names = (given[parameter][1], frame.scope) if parameter in given else (default, own_names)
        if value is None:
            problems.append(missing_argument(call, parameter, parameters))
            continue
        try:
            values[parameter] = value.evaluate(names, WORDS, declared.truth)
        except SpecError as error:
            problems += error.diagnostics
    frozen = "freeze" in given and read("freeze", given["freeze"][1], Kind(truth), frame.scope)
    if problems:
        raise SpecError(problems)
    return Expansion(definition, values, frozen or frame.frozen, frame.module_path(name))


def missing_argument(call: Invocation, name: str, parameters: Mapping[str, object]) -> Diagnostic:
    return Diagnostic(
        code="AC123",
        message=f"{call.target.text} needs {name}",
        location=call.target.where,
        help=f"write {call.target.text}({', '.join(parameters)})",
    )


def frame_within(
    expansion: Expansion,
    call: Invocation,
    x: Volume,
    frame: Frame,
    name: str,
    declared: Declarations,
    expansions: Mapping[str, Expansion],
) -> Frame:
    """Where the layers of a block stand that is called `name` in `frame` and takes `x`. `expansions`: the blocks so
    far, by their paths."""
    if len(frame.stack) >= MAX_NESTING:
        raise problem("AC131", f"blocks are nested deeper than {MAX_NESTING}", call.where)
    definition = expansion.definition
    library = declared.document.libraries[definition.home]
    arguments = expansion.arguments
    return Frame(
        prefix=frame.path(name),
        module=expansion.module,
        names={
            **declared.parameters_of(library),
            **incoming(x),
            **members_of_arguments(arguments, expansions),
            **arguments,
        },
        library=library,
        taken=explicit_names(definition.body),
        stack=(*frame.stack, Site(definition, call.target.text, call.where)),
        numbered=is_sequence(definition.body, library),
        frozen=expansion.frozen,
    )


def members_of_arguments(arguments: Mapping[str, Value], expansions: Mapping[str, Expansion]) -> dict[str, Value]:
    """The layers of blocks that are passed on, each by its own name after that of the argument."""
    return {
        f"{name}.{member}": value
        for name, passed in arguments.items()
        if isinstance(passed, Named) and passed.labelled in expansions
        for member, value in expansions[passed.labelled].members.items()
    }
