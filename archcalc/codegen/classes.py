"""Blocks become classes: expansions of the same structure share one, and what differs among them are its parameters.

Anti-unification: the constructor calls of all expansions are laid over each other. Where they agree a value is
written out; where they differ it becomes a parameter, one for all places whose values vary alike.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from itertools import groupby
from typing import Any, TypeAlias

from archcalc.codegen.names import Distinct, access, attribute, class_name, unlike
from archcalc.codegen.tree import Block, Member
from archcalc.graph.application import Application
from archcalc.graph.graph import Node, outputs_together
from archcalc.layer import Call
from archcalc.record import MISSING, field, record, replace

Value: TypeAlias = Any
Values: TypeAlias = tuple[Value, ...]
Key: TypeAlias = tuple[Any, ...]


@record(slots=False)
class Build:
    """A constructor call: `target(name=value, ...)`, or a container of `parts`.

    `optional`: for arguments that another expansion may state and this one leaves at their defaults, those defaults.
    `keywords`: the arguments that its parts are; none in a container, whose parts stand in a row.
    `frozen`: nothing in it is trained.
    """

    target: str
    arguments: Mapping[str, Value] = field(default_factory=dict)
    optional: Mapping[str, Value] = field(default_factory=dict)
    parts: tuple["Build", ...] = ()
    keywords: tuple[str, ...] = ()
    frozen: bool = False

    @cached_property
    def key(self) -> Key:
        """Its structure: equal for expansions that one constructor can serve."""
        stated = tuple(sorted(name for name in self.arguments if name not in self.optional))
        return self.target, stated, self.keywords, self.frozen, tuple(part.key for part in self.parts)

    def __getitem__(self, name: str) -> Value:
        return self.arguments[name] if name in self.arguments else self.optional[name]


@record
class Step:
    """A line of `forward`: an expression over earlier values, and over modules that are passed in, and what it makes.

    `name`: the layer or block that it runs, or the first output of a layer with several; `is_node`: it is a layer, not
    a block with lines of its own.
    """

    expression: str
    name: str
    reads: tuple[str, ...]
    makes: tuple[str, ...]
    is_node: bool


@record(slots=False)
class Form:
    """The contents of one expansion: its modules by attribute, and its lines.

    `passed`: the modules of others that its lines run, each as `passed_module` calls it.
    """

    block: Block
    modules: tuple[tuple[str, Build], ...]
    steps: tuple[Step, ...]
    passed: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """What its `forward` takes: values, then modules."""
        return (*self.block.inputs, *self.passed)

    def structure(self) -> Key:
        """Equal for expansions that one class can serve: all but its values, with their origins in place of names."""
        origin: dict[str, Key] = {name: ("in", i) for i, name in enumerate(self.inputs)}
        lines = []
        for i, step in enumerate(self.steps):
            lines.append((step.expression, tuple(origin[name] for name in step.reads), len(step.makes), step.is_node))
            origin |= {name: (i, k) for k, name in enumerate(step.makes)}
        outputs = tuple(origin[name] for name in self.block.outputs)
        modules = tuple((name, build.key) for name, build in self.modules)
        return self.block.kind, len(self.block.inputs), modules, tuple(lines), outputs


@record(frozen=False, slots=False)
class Class:
    """A module class, and the expansions that are its instances; `parameters` vary: one value for each of them.

    `reruns`: the expansions that run an instance again.
    """

    name: str
    forms: list[Form]
    parameters: dict[str, Values] = field(default_factory=dict)
    reruns: list[Form] = field(default_factory=list)

    @property
    def form(self) -> Form:
        """The expansion that stands for all in what they share."""
        return self.forms[0]

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The instances' numbers, by the paths of their blocks."""
        return {form.block.prefix: i for i, form in enumerate(self.forms)}

    def arguments(self, form: Form) -> Mapping[str, Value]:
        """What the constructor is given for one expansion."""
        place = self.places[form.block.prefix]
        return {name: values[place] for name, values in self.parameters.items()}

    def written(self, values: Values) -> str:
        """The values that all instances have at one place, as the class writes them."""
        if alike(values):
            return literal(values[0])
        for name, known in self.parameters.items():
            if found := expressed(values, name, known):
                return found
        raise LookupError(f"{self.name} has no parameter for {values}")


class Classes:
    """Every class of a network, those first that others use."""

    def __init__(self, root: Block, frozen: Collection[str], reserved: Iterable[str], flat: bool = False) -> None:
        self.names = Distinct(reserved)
        self.frozen = frozen
        self.built = cache(built)
        self.by_key: dict[Key, Class] = {}
        self.forms: dict[str, Form] = {}
        self.keys: dict[str, Key] = {}
        self.class_of: dict[str, Class] = {}
        self.blocks = {block.prefix: block for block in root.blocks}
        in_order = sorted(root.blocks, key=lambda each: each.height)
        for _, level in groupby(in_order, key=lambda each: each.height):
            self.place([block for block in level if not block.sequence])
        self.network = self.form(root, flat)

    def __iter__(self) -> Iterator[Class]:
        return iter(self.by_key.values())

    # --- one level of nesting after the other ----------------------------------------------------------------------

    def place(self, blocks: Sequence[Block]) -> None:
        """Gives every block of a level its class; what they contain has theirs."""
        new: list[Class] = []
        known: dict[Key, Key] = {}  # kept once: a key is as long as its block
        for block in blocks:
            form = self.forms[block.prefix] = self.form(block)
            key = form.structure()
            key = self.keys[block.prefix] = known.setdefault(key, key)
            if block.reruns:
                if self.is_callable(block):
                    self.class_of[block.module].reruns.append(form)
                continue
            made = self.by_key.get(key)
            if made is None:
                made = self.by_key[key] = Class(self.names.claim(class_name(block.kind)), [])
                new.append(made)
            made.forms.append(form)
            self.class_of[block.prefix] = made
        for made in new:
            made.parameters = parameters(made.forms)

    # --- one block -------------------------------------------------------------------------------------------------

    def form(self, block: Block, flat: bool = False) -> Form:
        modules = ((attribute(name), build) for name, build in self.modules(block))
        steps = tuple(self.steps(block, block, flat))
        passed = dict.fromkeys(name for step in steps for name in step.reads if is_passed(name))
        return Form(block, tuple((name, build) for name, build in modules if build is not None), steps, tuple(passed))

    def modules(self, block: Block) -> Iterator[tuple[str, Build | None]]:
        """The modules that belong to a block, by the names they have in it; those of its owner where it runs again."""
        for member in block.members:
            name = last_part(path_of(member))
            yield name, self.build(member) if member.module == inside(block.module, name) else None

    def build(self, member: Member) -> Build | None:
        """The constructor call of a member; None where it needs no module."""
        frozen = member.module in self.frozen
        if isinstance(member, Node):
            return self.built(member.application, frozen)
        if made := self.class_of.get(member.module):
            return Build(made.name, made.arguments(self.forms[member.module]), frozen=frozen)
        builds = [build for _, build in self.modules(member)]
        if not any(builds):
            return None
        parts = tuple(build or PLACE_HOLDER for build in builds)
        return Build(SEQUENCE if self.is_pipeline(member) else LIST, parts=parts, frozen=frozen)

    def steps(self, block: Block, home: Block, flat: bool = False) -> Iterator[Step]:
        """The lines that run a block, as written in the class of `home`; `flat`: with no call of a block among them."""
        nodes = [member for member in block.members if isinstance(member, Node)]
        together = {node.name: group for group in outputs_together(nodes) for node in group}
        for member in block.members:
            if isinstance(member, Node):
                group = together.get(member.name, (member,))
                if member is group[0]:
                    yield node_step(member, home, group)
            elif not flat and self.is_callable(member):
                yield block_step(member, self.passed_to(member), home)
            else:
                yield from self.steps(member, home, flat)

    def passed_to(self, block: Block) -> tuple[str, ...]:
        """The modules of others that a block's `forward` takes."""
        return self.forms[block.prefix].passed if block.prefix in self.forms else ()

    # --- what can be called ------------------------------------------------------------------------------------------

    def is_callable(self, block: Block) -> bool:
        """Whether a block is a module that can be called, for its own part or as another expansion's."""
        if block.sequence:
            return self.is_pipeline(block) and self.is_pipeline(self.blocks[block.module])
        if not block.reruns:
            return True
        owner, mine = self.forms.get(block.module), self.forms[block.prefix]
        if owner is None or self.keys[block.module] != self.keys[block.prefix]:
            return False
        return all(alike(v) for _, _, v in leaves([owner, mine]))

    def is_pipeline(self, block: Block) -> bool:
        """Whether nn.Sequential can run it: a chain of blocks, each taking what the one before it hands on."""
        value = block.inputs
        for member in block.members:
            if isinstance(member, Node) or len(value) != 1 or member.inputs != value or not self.is_callable(member):
                return False
            if self.passed_to(member):
                return False
            if member.module != inside(block.module, last_part(member.prefix)):
                return False
            value = member.outputs
        return value == block.outputs


SEQUENCE, LIST = "nn.Sequential", "nn.ModuleList"
"""Where the members of a numbered block are: in a module that runs them, or in one that only keeps them."""

PLACE_HOLDER = Build("nn.Identity")
"""For a member of a list that needs no module: the others keep their numbers."""


def reached(home: Block, path: str) -> str:
    """A module of the class of `home`, as that reaches it."""
    place = access(home.relative(path))
    return f"self{place}" if place.startswith("[") else f"self.{place}"


def owns(home: Block, path: str) -> bool:
    """Whether a module is within that of a block."""
    return not home.module or path.startswith(f"{home.module}.")


def passed_module(path: str) -> str:
    """What a module is called among the values that a `forward` takes: with the parentheses of a spec's call."""
    return f"{path}()"


def is_passed(name: str) -> bool:
    return name.endswith("()")


def path_of(member: Member) -> str:
    return member.name if isinstance(member, Node) else member.prefix


def last_part(path: str) -> str:
    return path.rpartition(".")[2]


def inside(module: str, name: str) -> str:
    return f"{module}.{name}" if module else name


def built(made: Application, frozen: bool) -> Build | None:
    if not made.call.target:
        return None
    defaults = {name: default for name, default in made.layer.known.items() if default is not MISSING}
    return replace(constructed(made.call), optional=defaults, frozen=frozen)


def constructed(call: Call) -> Build:
    parts = tuple(map(constructed, call.parts.values()))
    return Build(call.target.removeprefix("torch."), call.arguments, parts=parts, keywords=tuple(call.parts))


def node_step(node: Node, home: Block, group: Sequence[Node]) -> Step:
    """The line of a node, or of an operation whose outputs are a group of nodes, of which it is the first."""
    call = node.application.call if len(group) == 1 else node.layer.call_of_all(*node.inputs)
    places = [f"{{{i}}}" for i in range(len(node.inputs))]
    reads, module = node.sources, ""
    if call.target and owns(home, node.module):
        module = reached(home, node.module)
    elif call.target:
        reads, module = (*node.sources, passed_module(node.module)), f"{{{len(node.sources)}}}"
    expression = call.forward.format(*places, module=module)
    return Step(expression, node.name, reads, tuple(each.name for each in group), is_node=True)


def block_step(block: Block, passed: Sequence[str], home: Block) -> Step:
    """The call of a block, which hands on the modules that the block does not own."""
    reads = list(block.inputs)
    arguments = [f"{{{i}}}" for i in range(len(reads))]
    for name in (*passed, passed_module(block.module)):
        path = name.removesuffix("()")
        if owns(home, path):
            arguments.append(reached(home, path))
        else:
            arguments.append(f"{{{len(reads)}}}")
            reads.append(name)
    *given, module = arguments
    return Step(f"{module}({', '.join(given)})", block.prefix, tuple(reads), block.outputs, is_node=False)


# --- what differs ----------------------------------------------------------------------------------------------------


def leaves(forms: Sequence[Form]) -> Iterator[tuple[str, str, Values]]:
    """Every argument of every constructor call: the module it is for, its name, and its value in each expansion."""
    for each in zip(*(form.modules for form in forms), strict=True):
        for name, values in arguments([build for _, build in each]):
            yield each[0][0], name, values


def arguments(builds: Sequence[Build]) -> Iterator[tuple[str, Values]]:
    """The arguments of calls of one structure, those of their parts included."""
    yield from own_arguments(builds)
    for parts in zip(*(build.parts for build in builds), strict=True):
        yield from arguments(parts)


def own_arguments(builds: Sequence[Build]) -> Iterator[tuple[str, Values]]:
    """Those that are values; what has no default comes first."""
    stated = dict.fromkeys(name for build in builds for name in build.arguments)
    order = list(builds[0].optional)
    for name in sorted(stated, key=lambda name: order.index(name) if name in order else -1):
        yield name, tuple(build[name] for build in builds)


def parameters(forms: Sequence[Form]) -> dict[str, Values]:
    """What varies among the expansions, by name, in the order of its first use."""
    found: dict[str, Values] = {}
    given = {name: tuple(form.block.arguments.get(name) for form in forms) for name in forms[0].block.arguments}
    for module, argument, values in leaves(forms):
        if alike(values) or any(expressed(values, name, known) for name, known in found.items()):
            continue
        name = next((name for name, known in given.items() if expressed(values, name, known)), "")
        if name and attribute(name) not in found:
            found[attribute(name)] = given[name]
        else:
            found[unlike(argument if argument not in found else f"{module}_{argument}", found)] = values
    return found


def alike(values: Values) -> bool:
    """Whether all are the same, with 1 and true distinguished."""
    return all(same(value, values[0]) for value in values)


def same(a: Value, b: Value) -> bool:
    return type(a) is type(b) and bool(a == b)


def expressed(values: Values, name: str, known: Values) -> str:
    """The values in terms of a parameter, of its items or of multiples; empty where there is no such term.

    >>> expressed((256, 512), "width", (64, 128)), expressed((32, 16), "n", ((96, 32), (8, 16)))
    ('4 * width', 'n[1]')
    """
    if factor := multiple(values, known):
        return name if factor == 1 else f"{factor} * {name}"
    if all(isinstance(each, tuple) for each in known):
        for i, items in enumerate(zip(*known, strict=False)):
            if found := expressed(values, f"{name}[{i}]", items):
                return found
    return ""


def multiple(values: Values, of: Values) -> int:
    """By what whole number every one of `of` has to be taken to get `values`; 0 where there is none.

    >>> multiple((256, 512), (64, 128)), multiple((64, 100), (64, 128)), multiple((True, False), (True, False))
    (4, 0, 1)
    """
    if all(map(same, values, of)):
        return 1
    if not all(type(n) is int and n > 0 for n in (*values, *of)):
        return 0
    factor = values[0] // of[0]
    return factor if all(value == factor * n for value, n in zip(values, of, strict=True)) else 0


# --- how values are written ------------------------------------------------------------------------------------------


def literal(value: Value) -> str:
    """A value as Python source, formatted as ruff formats it.

    >>> literal((3,)), literal("nearest"), literal(1e-05), literal(None)
    ('(3,)', '"nearest"', '1e-05', 'None')
    """
    if isinstance(value, tuple):
        items = ", ".join(map(literal, value))
        return f"({items},)" if len(value) == 1 else f"({items})"
    return json.dumps(value) if isinstance(value, str) else repr(value)


def annotation(values: Values) -> str:
    """The type of a parameter.

    >>> annotation((1, 2)), annotation(((1, 2), None)), annotation((((1,), (2,)), ((1,),)))
    ('int', 'tuple[int, ...] | None', 'tuple[tuple[int, ...], ...]')
    """
    kinds = dict.fromkeys(map(kind, sorted(values, key=lambda value: value is None)))
    return " | ".join(kinds)


def kind(value: Value) -> str:
    if value is None:
        return "None"
    if isinstance(value, tuple):
        return f"tuple[{annotation(value) if value else 'int'}, ...]"
    return type(value).__name__
