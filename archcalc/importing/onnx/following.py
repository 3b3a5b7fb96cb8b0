"""Following a graph of ONNX: its nodes become operations under torch's names, with shapes for a batch of `BATCH`.

A file states one batch size, often 1, also in the shapes that it reshapes to. It is replaced as the nodes are followed.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import product
from math import prod
from typing import Any, TypeAlias

from archcalc.core.diagnostic import SpecError, problem
from archcalc.core.location import Location, Source
from archcalc.importing.onnx.counting import macs_of
from archcalc.importing.onnx.file import File, Node, Tensor
from archcalc.importing.program import (
    BATCH,
    BUFFER,
    CONSTANT,
    DERIVED,
    INPUT,
    MADE,
    WEIGHT,
    Operation,
    Program,
    Stored,
    Value,
)  # fmt: skip
from archcalc.importing.reference import Given
from archcalc.record import field, record

MAX_SIZE = 1 << 34
"""The longest axis, and the most elements of a value, divided by the batch."""


@record
class Known:
    """A value whose numbers are known: sizes, axes, constants."""

    shape: tuple[int, ...]
    values: tuple[Any, ...]
    dtype: str = "int64"

    @property
    def number(self) -> float | None:
        """Its only number."""
        return float(self.values[0]) if len(self.values) == 1 else None

    def taken(self, shape: Sequence[int], steps: Sequence[int], first: int = 0) -> "Known":
        """The numbers from the first on, with so many steps between neighbours along each axis."""
        ways = [range(0, n * step, step) if step else (0,) * n for n, step in zip(shape, steps, strict=True)]
        return Known(tuple(shape), tuple(self.values[first + sum(each)] for each in product(*ways)), self.dtype)

    def spread(self, shape: Sequence[int]) -> "Known":
        """As often as a shape needs that this one meets.

        >>> Known((2, 1), (5, 7)).spread((2, 2)).values
        (5, 5, 7, 7)
        """
        new = len(shape) - len(self.shape)
        return self.taken(
            shape, (*(0,) * new, *(s if n > 1 else 0 for n, s in zip(self.shape, self.steps, strict=True)))
        )

    @property
    def steps(self) -> tuple[int, ...]:
        """How far apart neighbours along each axis lie.

        >>> Known((2, 3), tuple(range(6))).steps
        (3, 1)
        """
        return tuple(prod(self.shape[i + 1 :]) for i in range(len(self.shape)))


Found: TypeAlias = Value | Known

Handler: TypeAlias = "Callable[[Following, Node], Sequence[Found] | Found]"
"""Follows one node: writes operations, and returns what the node makes."""

OPERATORS: dict[str, Handler] = {}
"""By name in ONNX; the files of operators/ fill it."""


def operator(*names: str) -> Callable[[Handler], Handler]:
    """Registers what follows these operators."""

    def register(handler: Handler) -> Handler:
        OPERATORS.update(dict.fromkeys(names, handler))
        return handler

    return register


@record(frozen=False, slots=False)
class Following:
    """`at`: what each name stands for. `users`: the nodes that read it. `done`: nodes that belong to an earlier one.
    `batch`: the batch that the file states; 0 if it leaves it free. `slow`: how many elements of the batch's axis run
    slower than the batch, where that may not be 1."""

    file: File
    given: Mapping[str, tuple[int, ...]]
    at: dict[str, Found] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    stored: dict[str, Stored] = field(default_factory=dict)
    users: dict[str, list[Node]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    batch: int = 1
    slow: dict[Value, int] = field(default_factory=dict)
    node: Node | None = None
    place: Location | None = None

    def is_fixed(self, name: str) -> bool:
        """Whether a tensor has no name in the code: torch numbers the constants that it computes, such as scales."""
        return self.has_fixed_constants and re.fullmatch(r"val_\d+", name) is not None

    @cached_property
    def learned(self) -> frozenset[str]:
        """The tensors that some node reads as other than the statistics of a norm, also by another name."""
        same: dict[str, str] = {}
        found: set[str] = set()
        for node in self.file.nodes:
            names = [same.get(each, each) for each in node.reads]
            if node.operator == "Identity" and names and node.makes:
                same[node.makes[0]] = names[0]
            else:
                found.update(names[:3] if node.operator == "BatchNormalization" else names)
        return frozenset(found & self.file.tensors.keys())

    @property
    def has_fixed_constants(self) -> bool:
        """Whether the constants among the nodes are no weights: torch stores all of those as tensors."""
        return self.file.producer == "pytorch"

    # --- what nodes read -------------------------------------------------------------------------------------------

    def read(self, node: Node, i: int) -> Found | None:
        """The input number `i` of a node; None if it is left out. Raises KeyError if nothing made it."""
        name = node.reads[i] if i < len(node.reads) else ""
        if not name:
            return None
        if name not in self.at:
            self.at[name] = self.tensor(self.file.tensors[name])
        return self.at[name]

    def value(self, node: Node, i: int) -> Value:
        """An input that has to be there; a constant of known numbers is a value, too."""
        found = self.read(node, i)
        assert found is not None
        return self.as_value(found)

    def as_value(self, found: Found) -> Value:
        return found if isinstance(found, Value) else Value(CONSTANT, found.shape, found.dtype)

    def ints(self, node: Node, i: int, attribute: str = "") -> tuple[int, ...] | None:
        """Whole numbers from an input or, in older versions, from an attribute; None if there are none."""
        if attribute and attribute in node.attributes:
            said = node.attributes[attribute]
            return tuple(map(int, said)) if isinstance(said, tuple) else (int(said),)
        found = self.read(node, i)
        if found is None:
            return None
        assert isinstance(found, Known)
        return tuple(map(int, found.values))

    def tensor(self, tensor: Tensor, buffer: bool = False) -> Found:
        """A tensor of the file: numbers that are known, or a weight or buffer."""
        whole = tensor.dtype.startswith(("int", "uint", "bool"))
        single = not tensor.shape or (tensor.shape == (1,) and self.is_fixed(tensor.name))
        if tensor.values is not None and (whole or single):
            return Known(tensor.shape, tensor.values, tensor.dtype)
        return self.keep(tensor.name, tensor.shape, tensor.dtype, buffer=buffer or whole)

    def keep(self, name: str, shape: tuple[int, ...], dtype: str, buffer: bool = False) -> Value:
        self.stored[name] = Stored(shape, dtype, (name,), buffer)
        return Value(BUFFER if buffer else WEIGHT, shape, dtype, name)

    def buffer(self, value: Value) -> Value:
        """A stored value that is no weight: the statistics of a norm."""
        if value.name in self.stored:
            kept = self.stored[value.name]
            self.stored[value.name] = Stored(kept.shape, kept.dtype, kept.names, True)
            value.kind = BUFFER
        return value

    # --- what nodes make -------------------------------------------------------------------------------------------

    def write(self, function: str, shape: Sequence[int], *arguments: Any, **keywords: Any) -> Value:
        """One operation that makes one value."""
        (made,) = self.write_all(function, [shape], *arguments, **keywords)
        return made

    def write_all(
        self, function: str, shapes: Sequence[Sequence[int]], *arguments: Any, dtype: str = "", **keywords: Any
    ) -> tuple[Value, ...]:
        assert self.node is not None
        if any(n < 1 for shape in shapes for n in shape) or any(prod(shape) > MAX_SIZE * BATCH for shape in shapes):
            raise ValueError("a size that cannot be")
        operation = Operation(function, arguments, keywords, (), self.module(self.node), self.place)
        reads = operation.values
        kind = MADE if any(each.varies for each in reads) else CONSTANT
        if kind == CONSTANT and any(each.kind in (WEIGHT, DERIVED) for each in reads):
            kind = DERIVED
        dtype = dtype or next((each.dtype for each in reads if each.dtype.startswith(("float", "bfloat"))), "float32")
        operation.makes = tuple(Value(kind, tuple(shape), dtype, maker=operation) for shape in shapes)
        self.operations.append(operation)
        if reads and reads[0] in self.slow:
            self.slow.update(dict.fromkeys(operation.makes, self.slow[reads[0]]))
        return operation.makes

    def module(self, node: Node) -> str:
        """The path of the module that a node is from, where the exporter wrote it down."""
        scopes = quoted(node.notes.get("pkg.torch.onnx.name_scopes", ""))
        kinds = quoted(node.notes.get("pkg.torch.onnx.class_hierarchy", ""))
        for path, kind in zip(scopes[:-1], kinds[:-1], strict=False):
            self.kinds.setdefault(path, kind.rpartition(".")[2])
        return scopes[-2] if len(scopes) > 1 else ""

    def only_user(self, name: str) -> Node | None:
        """The only node that reads a value, if the value is no output."""
        users = self.users.get(name, [])
        return users[0] if len(users) == 1 and all(each.name != name for each in self.file.outputs) else None


def quoted(text: str) -> list[str]:
    """The texts of a list that is written as Python writes it.

    >>> quoted("['', 'layer1', 'layer1.0']")
    ['', 'layer1', 'layer1.0']
    """
    return [each.strip().strip("'\"") for each in text.strip("[]").split(",")] if text.startswith("[") else []


# --- the whole graph ----------------------------------------------------------------------------------------------


def program_of(file: File, name: str, given: Sequence[Given] = ()) -> Program:
    """The program of a file. `given`: sizes of its inputs. Raises SpecError at the node that cannot be followed."""
    state = Following(file, sizes_given(file, given))
    for node in file.nodes:
        for each in node.reads:
            state.users.setdefault(each, []).append(node)
    inputs = [entered(state, i) for i in range(len(file.inputs)) if file.inputs[i].name not in file.tensors]
    listing = Source(file.path, "\n".join(line_of(node) for node in file.nodes))
    for i, node in enumerate(file.nodes):
        if i in state.done or id(node) in state.done:
            continue
        state.node = node
        state.place = Location(listing, i, 0, max(1, len(listing.line(i))))
        follow(state, node)
    outputs = [state.at[each.name] for each in file.outputs if each.name in state.at]
    made = [each for each in dict.fromkeys(outputs) if isinstance(each, Value) and each.varies]
    if not made:
        raise problem("AC530", f"no output of {file.path} depends on an input")
    return Program(
        name=name,
        inputs=tuple(inputs),
        outputs=tuple(made),
        operations=tuple(state.operations),
        stored=state.stored,
        kinds=state.kinds,
        macs=macs_of,
    )


def line_of(node: Node) -> str:
    """A node in one line, for messages."""
    reads, makes = (", ".join(each)[:80] for each in (node.reads, node.makes))
    return f"{makes} = {node.operator}({reads})".replace("\n", " ")


def follow(state: Following, node: Node) -> None:
    handler = OPERATORS.get(node.operator) if not node.domain else None
    if handler is None:
        made: Sequence[Found] = unknown(state, node)
    else:
        try:
            found = handler(state, node)
        except SpecError:
            raise
        except (AssertionError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError, MemoryError):
            raise problem(
                "AC530",
                f"the inputs and attributes of {node.operator} do not fit together, or are not known",
                state.place,
                help="export the model with fixed sizes, or with shapes: onnx.shape_inference.infer_shapes",
            ) from None
        made = [found] if isinstance(found, Value | Known) else found
    for name, each in zip(node.makes, made, strict=False):
        state.at.setdefault(name, each)


def unknown(state: Following, node: Node) -> list[Found]:
    """An operator that is not known: what it makes, if the file says its shape."""
    found: list[Found] = []
    reads = [state.as_value(each) for i in range(len(node.reads)) if (each := readable_input(state, node, i))]
    for name in node.makes:
        info = state.file.known.get(name) or next((each for each in state.file.outputs if each.name == name), None)
        shape = info.shape if info else None
        if info is None or shape is None or not shape or not all(isinstance(n, int) for n in shape[1:]):
            raise problem(
                "AC530",
                f"archcalc does not know the operator {node.domain or 'ai.onnx'}.{node.operator}, and the file has no "
                "shape of what it makes",
                state.place,
                help="write the shapes into the file: onnx.shape_inference.infer_shapes",
            )
        rest = tuple(n for n in shape[1:] if isinstance(n, int))
        first = BATCH if any(each.varies for each in reads) else int(shape[0]) if isinstance(shape[0], int) else 1
        found.append(state.write(node.operator, (first, *rest), *reads, dtype=info.dtype))
    return found


def readable_input(state: Following, node: Node, i: int) -> Found | None:
    try:
        return state.read(node, i)
    except KeyError:
        return None


# --- inputs -------------------------------------------------------------------------------------------------------


def sizes_given(file: File, given: Sequence[Given]) -> dict[str, tuple[int, ...]]:
    """The shape of a sample of each input that the command line states."""
    names = [each.name for each in file.inputs if each.name not in file.tensors]
    found = {}
    for i, each in enumerate(given):
        name = each.name or (names[i] if i < len(names) else "")
        if name not in names:
            raise problem("AC501", f"{file.path} has no input '{each.name}'", help=f"its inputs are {', '.join(names)}")
        found[name] = each.shape
    return found


def entered(state: Following, i: int) -> Value:
    """An input, with `BATCH` samples. Raises SpecError if a size is free that nobody gave."""
    info = state.file.inputs[i]
    shape = info.shape
    if not shape:
        raise problem("AC522", f"the input {info.name} of {state.file.path} has no axis for the batch")
    first, *others = shape
    sample = state.given.get(info.name)
    if sample is not None and len(sample) != len(others):
        text = ", ".join(map(str, others))
        raise problem("AC501", f"the input {info.name} has {len(others)} axes without the batch: [{text}]")
    if sample is not None:
        for n, m in zip(sample, others, strict=True):
            if isinstance(m, int) and n != m:
                raise problem("AC501", f"the file fixes the sizes of {info.name} to {others}", help="export it anew")
    elif not all(isinstance(n, int) for n in others):
        text = ", ".join(map(str, others))
        raise problem(
            "AC501",
            f"the file leaves sizes of its input {info.name} free: [{text}]",
            help=f"write --input {info.name}=..., with a number for each of them, without the batch",
        )
    sizes = tuple(n for n in (sample or others) if isinstance(n, int))
    state.batch = first if isinstance(first, int) else 0
    if any(not 0 < n < MAX_SIZE for n in sizes) or prod(sizes) > MAX_SIZE:
        raise problem("AC531", f"the input {info.name} of {state.file.path} has a size that cannot be")
    made = Value(INPUT, (BATCH, *sizes), info.dtype, info.name)
    state.at[info.name] = made
    return made
