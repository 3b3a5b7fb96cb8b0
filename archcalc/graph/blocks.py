"""Calls of blocks: their arguments, and the frame in which their layers are expanded."""

from collections.abc import Mapping

from archcalc.core.diagnostic import Diagnostic, SpecError, problem
from archcalc.graph.binding import Kind, given_arguments, read, truth
from archcalc.graph.declarations import WORDS, Declarations
from archcalc.graph.frame import INCOMING, Frame, Named, Site, is_sequence
from archcalc.record import field, record
from archcalc.spec.chain import Invocation, settled
from archcalc.spec.declaration import BlockDef
from archcalc.spec.value import Value

MAX_NESTING = 48
"""Blocks within blocks."""


@record
class Expansion:
    """A block with its arguments, kept to run it again.

    `module`: the path of the modules that it uses; `members`: what the names of its body stand for.
    """

    definition: BlockDef
    arguments: Mapping[str, Value]
    frozen: bool
    module: str
    members: Mapping[str, Value] = field(default_factory=dict)


def expansion_of(
    call: Invocation, definition: BlockDef, source: str, frame: Frame, name: str, declared: Declarations
) -> Expansion:
    """What a call of a block is to expand, under a name. Raises SpecError with everything that is wrong with it."""
    if is_endless(definition, frame):
        help = "call it under a condition that ends: hourglass(n - 1) if n > 1 else res"
        raise problem("AC130", f"{call.target.text} contains itself", call.where, help=help)
    call = settled(call, frame.scope)
    parameters = {word.text: default for word, default in definition.parameters}
    given, problems = given_arguments(call, tuple(parameters), (*parameters, "freeze"), {})
    values: dict[str, Value] = {}
    unsaid = False  # a size is unknown because of a problem that has been reported
    own: Frame | None = None  # what defaults know, the arguments before them included
    for parameter, default in parameters.items():
        value = given[parameter][1] if parameter in given else default
        if value is None:
            problems.append(missing_argument(call, parameter, parameters))
            continue
        if parameter not in given and own is None:
            own = frame_of(definition, values, call, source, frame, name, declared)
        names = frame if parameter in given or own is None else own
        try:
            values[parameter] = value.evaluate(names.scope, WORDS, declared.truth)
            if own is not None:
                own.names = {**own.names, parameter: values[parameter]}
        except SpecError as error:
            problems += error.diagnostics
            unsaid = unsaid or not error.diagnostics
    frozen = "freeze" in given and read("freeze", given["freeze"][1], Kind(truth), frame.scope)
    if problems or unsaid:
        raise SpecError(problems)
    return Expansion(definition, values, frozen or frame.frozen, frame.module_path(name))


def is_endless(definition: BlockDef, frame: Frame) -> bool:
    """Whether a call of a block would come back to it with no condition between the two that could end that."""
    sites = frame.stack
    inside = next((i for i, site in enumerate(reversed(sites)) if site.definition is definition), None)
    if inside is None:
        return False
    return not frame.guarded and not any(site.guarded for site in sites[len(sites) - inside :])


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
    source: str,
    frame: Frame,
    name: str,
    declared: Declarations,
) -> Frame:
    """Where the layers of a block stand that is called `name` in `frame` and takes `source`."""
    if len(frame.stack) >= MAX_NESTING:
        recursive = any(site.definition is expansion.definition for site in frame.stack)
        help = f"{call.target.text} calls itself: its condition must become false" if recursive else ""
        raise problem("AC131", f"blocks are nested deeper than {MAX_NESTING}", call.where, help=help)
    made = frame_of(expansion.definition, expansion.arguments, call, source, frame, name, declared)
    made.numbered = is_sequence(expansion.definition.body, made.library)
    made.module, made.frozen = expansion.module, expansion.frozen
    return made


def frame_of(
    definition: BlockDef,
    arguments: Mapping[str, Value],
    call: Invocation,
    source: str,
    frame: Frame,
    name: str,
    declared: Declarations,
) -> Frame:
    """What a block knows by name: the params of its file, its input and its arguments."""
    library = declared.document.libraries[definition.home]
    return Frame(
        prefix=frame.path(name),
        module=frame.module_path(name),
        names={**declared.parameters_of(library), INCOMING: Named(source), **arguments},
        library=library,
        network=frame.network,
        meter=frame.meter,
        blocks=frame.blocks,
        taken=definition.names,
        stack=(*frame.stack, site_of(call, definition, frame)),
    )


def site_of(call: Invocation, definition: BlockDef, frame: Frame) -> Site:
    return Site(f"in {call.target.text}, called at line {call.where.line + 1}", definition, frame.guarded)
