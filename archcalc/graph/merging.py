"""Merges: which layer joins the paths of a list."""

from archcalc.core.diagnostic import SpecError, problem
from archcalc.graph.declarations import unknown_layer
from archcalc.graph.frame import MEMBERS
from archcalc.layer import Layer, layer_named
from archcalc.spec.chain import Body, Each, Invocation, Merge, Step
from archcalc.spec.expression import Word


def merging_layer(merge: Merge) -> type[Layer]:
    """The layer that joins paths. Raises what keeps it from doing so."""
    word = merge.target.text
    layer = layer_named(word)
    if layer is None:
        raise unknown_layer(word, merge.target.where)
    if layer.inputs[1] == 1:
        raise list_for_a_layer(merge, layer)
    if not merge.paths:
        raise problem(
            "AC203", f"{word} needs paths, got an empty list", merge.where, help=f"write {word}: [prev, layer]"
        )
    if not all(merge.paths):
        raise empty_path(merge)
    for path in merge.paths:
        if (key := argument_in(path, layer)) is not None:
            raise misplaced_argument(merge, key)
    return layer


def joins_any_number(layer: type[Layer]) -> bool:
    """Whether it is a sum, a product or the like, in which a path more or less is of no account."""
    return layer.inputs[1] is None


def argument_in(path: Body, layer: type[Layer]) -> Word | None:
    """The argument of a merge that stands among its paths: `axis=height`, or as a mapping."""
    step = path[0]
    if len(path) > 1 or not isinstance(step, Step) or not isinstance(step.call, Invocation):
        return None
    if step.name and step.name.text in layer.known and not step.call.parens:
        return step.name
    target = step.call.target
    return target if target.text in layer.known and step.call.parens and layer_named(target.text) is None else None


def misplaced_argument(merge: Merge, key: Word) -> SpecError:
    name = merge.target.text
    message = f"{key.text} is an argument of {name}, and not one of its paths"
    return problem("AC022", message, key.where, help=f"write it beside the list: {{{name}: [a, b], {key.text}: ...}}")


def is_several(path: Body) -> bool:
    """Whether a path stands for any number of paths: a loop, or the members of a repeat."""
    first = path[0] if path else None
    if isinstance(first, Step) and isinstance(first.call, Invocation):
        return MEMBERS in first.call.target.text
    return isinstance(first, Each)


def several_values(call: Invocation) -> SpecError:
    name = call.target.text
    help = f"join them: add: [{name}], or concat: [{name}]"
    return problem("AC203", f"'{name}' stands for several values, and a chain takes one", call.where, help=help)


def empty_path(merge: Merge) -> SpecError:
    message = f"a path of {merge.target.text} is an empty list"
    return problem("AC203", message, merge.where, help="write prev to pass the input on, or leave the path out")


def nothing_left(merge: Merge) -> SpecError:
    loops = any(isinstance(item, Each) for path in merge.paths for item in path)
    why = "its loops have no turns" if loops else "the conditions of all of them are false"
    message = f"no path of {merge.target.text} is left: {why}"
    return problem("AC203", message, merge.where, help="write `else prev` after a condition to pass the input on")


def list_for_a_layer(merge: Merge, layer: type[Layer]) -> SpecError:
    """YOLO's and PyTorch's users would read `conv: [3, 64]` in opposite orders."""
    word = merge.target.text
    numbers = [step.call.target.text for path in merge.paths for step in path if isinstance(step, Step)]
    values = numbers if len(numbers) == len(layer.positional) else ["..."] * len(layer.positional)
    keys = ", ".join(f"{name}: {value}" for name, value in zip(layer.positional, values, strict=True))
    return problem(
        "AC133",
        f"{word} takes no list: the order of the numbers is ambiguous",
        merge.target.where,
        help=f"write '{word}({', '.join(values)})' or '{word}: {{{keys}}}'",
    )
