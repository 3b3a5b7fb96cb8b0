"""The text of a generated file, and the line that computes each layer."""

import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TypeAlias

from archcalc.codegen.classes import LIST, Build, Class, Classes, annotation, own_arguments
from archcalc.codegen.forward import Forward, Line, annotated, forward
from archcalc.codegen.freezing import frozen_paths, ties
from archcalc.codegen.names import CALLED, TAKEN, class_name, unlike
from archcalc.codegen.release import newest
from archcalc.codegen.reruns import with_own_modules
from archcalc.codegen.tree import Tree
from archcalc.codegen.wrapping import INDENT, WIDTH, wrapped
from archcalc.core.render import printable
from archcalc.core.torch_modules import text_of
from archcalc.core.version import VERSION
from archcalc.core.volume import Volume
from archcalc.graph.given import Network, loaded_in_numbers
from archcalc.graph.graph import Graph, Input
from archcalc.layer import Call
from archcalc.measures.arithmetic import macs
from archcalc.measures.params import params
from archcalc.memory.checkpointing import checkpointed_blocks
from archcalc.record import field, record, replace

CHECKPOINT = f"{CALLED}("
"""The call of torch's function, which keeps only a block's inputs and the state of the random numbers."""

MANY = 3
"""From this many on, consecutive equal modules are written as one expression."""


@record
class Mark:
    """A statement that computes a layer, or one with several outputs: its first line, how many values it makes, and
    their variables; none if they are returned."""

    first: int
    count: int
    names: tuple[str, ...]


@record
class Source:
    """Generated source. `name` is the network's class; `marks` has an entry for every line of every marked statement.

    The layers of the graph run in the order of the graph: the marked statements that a call of the network executes
    make the values of the nodes one after the other.
    """

    text: str
    name: str
    marks: Mapping[int, Mark]

    def __repr__(self) -> str:
        """One line; `print(source)` prints the text."""
        return f"<Source of {self.name}: {self.text.count(chr(10)):,} lines>"

    def __str__(self) -> str:
        return self.text


Part: TypeAlias = str | Line
"""A line of text, or a statement of a `forward`, indented."""


@record(frozen=False)
class Text:
    """Lines as they are written, with the marks of those that make a layer's value."""

    lines: list[str] = field(default_factory=list)
    marks: dict[int, Mark] = field(default_factory=dict)

    def add(self, part: Part) -> None:
        first = len(self.lines) + 1
        self.lines += [part] if isinstance(part, str) else commented(part)
        if isinstance(part, Line) and part.nodes:
            mark = Mark(first, len(part.nodes), part.names)
            self.marks |= dict.fromkeys(range(first, len(self.lines) + 1), mark)


def generate(network: Network, *, flat: bool = False, checkpointed: Collection[str] = ()) -> Source:
    """The PyTorch source of a network: self-contained, formatted, with the spec's names in its `state_dict`.

    `flat`: the network's `forward` runs every layer itself and calls no blocks, whose inputs live until they return.
    Every tensor is then freed after its last use. `checkpointed`: blocks, by their names in the spec, that in training
    keep only their inputs and run again in the backward pass.

    Raises SpecError for an unknown block, ValueError if both `flat` and `checkpointed` are given, and for a
    network with free symbols.
    """
    if flat and checkpointed:
        raise ValueError("flat source calls no blocks, so none can be checkpointed")
    graph = loaded_in_numbers(network)
    checkpointed_blocks(graph, checkpointed)
    lacked = lacked_by_torch(graph)
    name = unlike(class_name(graph.name), [*TAKEN, *lacked])
    graph = with_own_modules(graph)
    classes = Classes(Tree(graph).root(), frozen_paths(graph), [*TAKEN, *lacked, name], flat)
    whole = Class(name, [classes.network])
    body: list[Part] = [*defined(lacked.values())]
    for each in classes:
        volumes = agreed(each, graph.volumes)
        body += written(each, about_block(each), volumes, again=each.form.block.kind in checkpointed)
    body += written(whole, about_network(graph), graph.volumes, tuple(ties(graph)))
    body += main(graph, name)
    text = Text()
    for part in (*head(graph, body), *body):
        text.add(part)
    return Source("\n".join(text.lines) + "\n", name, text.marks)


def commented(line: Line) -> list[str]:
    """A statement, with its comment if it fits on the line."""
    with_comment = f"{line.text}  # {line.comment}"
    return [with_comment] if line.comment and len(with_comment) <= WIDTH else wrapped(line.text)


# --- the file ------------------------------------------------------------------------------------------------------


def head(graph: Graph, body: Sequence[Part]) -> Iterator[str]:
    """The docstring of the file, and its imports."""
    needs = [f"It needs torch {release} or newer, for {kind}." for release, kind in newest(graph)]
    about = f"{graph.name or 'A network'}, generated by archcalc {VERSION}."
    yield from docstring([" ".join([about, *needs])], "")
    yield ""
    yield "import torch"
    if any(re.search(r"(?<![\w.])F\.", part if isinstance(part, str) else part.text) for part in body):
        yield "import torch.nn.functional as F"
    yield "from torch import Tensor, nn"
    if any(CHECKPOINT in part for part in body if isinstance(part, str)):
        yield f"from torch.utils.checkpoint import {CALLED}"


def lacked_by_torch(graph: Graph) -> Mapping[str, str]:
    """The classes that a network uses and torch lacks, and the files in layers/torch_modules that define them."""
    calls = {id(node.application): node.application.call for node in graph if not node.reruns}
    return {each.target: each.file for call in calls.values() for each in with_parts(call) if each.file}


def with_parts(call: Call) -> Iterator[Call]:
    """A module, after the modules that it is built with."""
    for part in call.parts.values():
        yield from with_parts(part)
    yield call


def defined(files: Iterable[str]) -> Iterator[str]:
    """The classes that torch lacks."""
    for file in files:
        yield from ("", "", *text_of(file).splitlines())


def main(graph: Graph, name: str) -> Iterator[str]:
    """The code that runs when the file is executed."""
    inputs = ", ".join(sample(each) for each in graph.inputs)
    cast = "" if graph.dtype == "float32" else f".to(torch.{graph.dtype})"
    yield from ("", "", 'if __name__ == "__main__":')
    yield f"{INDENT}network = {name}().eval(){cast}"
    yield f"{INDENT}with torch.no_grad():"
    yield from wrapped(f"{INDENT * 2}y = network({inputs})")
    shapes = "tuple(y.shape)" if len(graph.outputs) == 1 else "[tuple(each.shape) for each in y]"
    yield f"{INDENT}print({shapes})"


def sample(given: Input) -> str:
    """A random input for the network."""
    shape = ", ".join(map(str, given.volume.shape))
    if given.volume.is_ids:
        return f"torch.randint({given.vocab or 2}, ({shape}), dtype=torch.{given.volume.dtype})"
    dtype = "" if given.volume.dtype == "float32" else f", dtype=torch.{given.volume.dtype}"
    return f"torch.randn({shape}{dtype})"


# --- one class -----------------------------------------------------------------------------------------------------


def written(
    made: Class,
    about: Sequence[str],
    volumes: Mapping[str, Volume],
    ending: Sequence[str] = (),
    again: bool = False,
) -> Iterator[Part]:
    """A class: docstring, constructor and `forward`; `again`: it is checkpointed and runs again in backward."""
    yield from ("", "", f"class {made.name}(nn.Module):")
    yield from docstring(about, INDENT)
    yield ""
    if made.form.modules or ending:
        yield from constructor(made, ending)
        yield ""
    run = forward(made.form, volumes)
    method = "forward"
    if again:
        method = unlike("run", [name for name, _ in made.form.modules])
        yield from checkpointed_forward(method, run)
    yield from wrapped(f"{INDENT}{annotated(method, run)}")
    for line in run.lines:
        yield replace(line, text=f"{INDENT * 2}{line.text}")


def agreed(made: Class, volumes: Mapping[str, Volume]) -> Mapping[str, Volume]:
    """What the lines of a class make, by the names of its first expansion: what is the same for all that run them."""
    runs = [*made.forms, *made.reruns]
    lines = zip(*(form.steps for form in runs), strict=True)
    return {
        names[0]: volumes[names[0]]
        for steps in lines
        for names in zip(*(step.makes for step in steps), strict=True)
        if len({volumes[name] for name in names}) == 1
    }


def checkpointed_forward(method: str, run: Forward) -> Iterator[str]:
    """A `forward` that runs `method`, and in training keeps only its inputs."""
    inputs = ", ".join(run.inputs)
    given = ", ".join((f"self.{method}", *run.inputs))
    yield from wrapped(f"{INDENT}{annotated('forward', run)}")
    yield f"{INDENT * 2}if self.training:"
    yield from wrapped(f"{INDENT * 3}return {CHECKPOINT}{given}, use_reentrant=False)")
    yield from wrapped(f"{INDENT * 2}return self.{method}({inputs})")
    yield ""


def constructor(made: Class, ending: Sequence[str]) -> Iterator[str]:
    given = "".join(f", {name}: {annotation(values)}" for name, values in made.parameters.items())
    yield from wrapped(f"{INDENT}def __init__(self{given}) -> None:")
    yield f"{INDENT * 2}super().__init__()"
    for each in zip(*(form.modules for form in made.forms), strict=True):
        yield from wrapped(f"{INDENT * 2}self.{each[0][0]} = {construction(made, [build for _, build in each])}")
    yield from (f"{INDENT * 2}{line}" for line in ending)


def construction(made: Class, builds: Sequence[Build]) -> str:
    """A constructor call that serves all instances of the class; varying values are parameters."""
    first = builds[0]
    frozen = ".requires_grad_(False)" if first.frozen else ""
    parts = [construction(made, each) for each in zip(*(build.parts for build in builds), strict=True)]
    if parts and not first.keywords:
        items = ", ".join(repeated(parts))
        return f"{first.target}({f'[{items}]' if first.target == LIST else items}){frozen}"
    given = [f"{name}={made.written(values)}" for name, values in own_arguments(builds)]
    given += [f"{name}={part}" for name, part in zip(first.keywords, parts, strict=True)]
    return f"{first.target}({', '.join(given)}){frozen}"


def repeated(parts: Sequence[str]) -> Iterator[str]:
    """Consecutive equal modules as one item."""
    for part, group in groupby(parts):
        count = len(list(group))
        if count < MANY:
            yield from (part for _ in range(count))
        else:
            yield f"*({part} for _ in range({count}))"


# --- docstrings-------------------------------------------------------------------------------------------------------


def docstring(lines: Sequence[str], indent: str) -> Iterator[str]:
    """Text of the spec as a docstring, escaped so that it cannot end early or hide characters."""
    safe = [printable(" ".join(line.split())).replace("\\", "\\\\").replace('"""', "'''") for line in lines]
    room = WIDTH - len(indent) - 3
    wrapped_lines = [part for line in safe for part in (textwrap.wrap(line, room, break_long_words=False) or [""])]
    if len(wrapped_lines) == 1 and not wrapped_lines[0].endswith('"') and len(wrapped_lines[0]) <= room - 3:
        yield f'{indent}"""{wrapped_lines[0]}"""'
        return
    first, *rest = wrapped_lines
    yield f'{indent}"""{first}'
    yield from (f"{indent}{line}" if line else "" for line in rest)
    yield f'{indent}"""'


def about_block(made: Class) -> list[str]:
    """The block of a class, and where it is used."""
    places = [form.block.prefix for form in made.forms]
    where = places[0] if len(places) == 1 else f"{places[0]} and {len(places) - 1} more"
    return [f"The block {made.form.block.kind}: {where}."]


def about_network(graph: Graph) -> list[str]:
    """The description of a network, its source, and its totals."""
    inputs = ", ".join(f"{each.name} {each.volume}" for each in graph.inputs)
    total = f"{sum(map(params, graph)):,} parameters; {sum(map(macs, graph)):,} multiply-accumulates"
    batch = graph.inputs[0].volume.batch if graph.inputs else 1
    size = f", a batch of {batch}" if batch > 1 else ""
    lines = [f"{(graph.about or graph.name or 'A network').rstrip('.')}."]
    lines += ["", f"Source: {graph.source}"] if graph.source else []
    return [*lines, "", f"{total} for {inputs}{size}."]
