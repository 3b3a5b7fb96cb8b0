"""What an ONNX file says: its graph, nodes, and the names and shapes of its tensors. Source: onnx.proto, onnx 1.23.

Values are read of small tensors alone: sizes, axes, and numbers that stand for themselves.
"""

import mmap
import os
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from archcalc.core.diagnostic import SpecError, problem
from archcalc.importing.onnx.wire import Damaged, fields, floats, message, number, numbers, text
from archcalc.record import field, record
from archcalc.spec.document import readable

MAX_BYTES, MAX_NODES, MAX_TENSORS, MAX_NESTING = 4 << 30, 200_000, 400_000, 16

MAX_VALUES = 4096
"""The most elements of a tensor whose values are read."""

MAX_AXES = 16

DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool",
    10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
}  # fmt: skip
"""By number."""

FORMATS = {"float32": "f", "float64": "d", "int32": "i", "int64": "q", "bool": "?", "float16": "e", "int8": "b"}
"""How raw values are unpacked."""


@record
class Tensor:
    """`values`: of a small one, or None."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    values: tuple[Any, ...] | None = None


@record
class Info:
    """What is known of a value: `shape` has numbers, and names of sizes that are free; None if it has no shape."""

    name: str
    dtype: str
    shape: tuple[int | str, ...] | None


@record
class Node:
    """`operator` by name; `domain` is empty for those of ONNX. `reads` has an empty name for an input left out."""

    operator: str
    domain: str
    name: str
    reads: tuple[str, ...]
    makes: tuple[str, ...]
    attributes: Mapping[str, Any]
    notes: Mapping[str, str]


@record(frozen=False)
class File:
    """`opset`: the version of ONNX's operators."""

    path: str
    producer: str = ""
    opset: int = 0
    name: str = ""
    nodes: list[Node] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    inputs: list[Info] = field(default_factory=list)
    outputs: list[Info] = field(default_factory=list)
    known: dict[str, Info] = field(default_factory=dict)


def file_of(path: str) -> File:
    """Reads a file. Raises SpecError if it is damaged, or larger than what is read."""
    with readable(path) as opened:
        size = os.fstat(opened.fileno()).st_size
        if not size:
            raise damaged(path, "it is empty")
        if size > MAX_BYTES:
            raise damaged(path, "it has more than 4 GiB: save the weights as external data")
        data = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        found = model_in(path, memoryview(data))
    except Damaged as error:
        raise damaged(path, str(error)) from None
    if not found.outputs:
        raise damaged(path, "it has no graph with outputs")
    return found


def damaged(path: str, why: str) -> SpecError:
    return problem("AC531", f"{path} is damaged, or no ONNX file: {why}")


def model_in(path: str, data: memoryview) -> File:
    found = File(path)
    for key, value in fields(data):
        if key == 7:
            read_graph(found, message(value))
        elif key == 2:
            found.producer = text(value)
        elif key == 8:
            imports = dict(fields(message(value)))
            if not text(imports[1]) if 1 in imports else True:
                found.opset = number(imports.get(2, 0))
    return found


def read_graph(found: File, data: memoryview) -> None:
    for key, value in fields(data):
        if key == 1:
            found.nodes.append(node_in(message(value), 0))
        elif key == 2:
            found.name = text(value)
        elif key == 5:
            tensor = tensor_in(message(value), found.path)
            found.tensors[tensor.name] = tensor
        elif key == 11:
            found.inputs.append(info_in(message(value)))
        elif key == 12:
            found.outputs.append(info_in(message(value)))
        elif key == 13:
            info = info_in(message(value))
            found.known[info.name] = info
        if len(found.nodes) > MAX_NODES or len(found.tensors) > MAX_TENSORS or len(found.known) > MAX_TENSORS:
            raise Damaged(f"it has more than {MAX_NODES:,} nodes or {MAX_TENSORS:,} tensors")


def node_in(data: memoryview, depth: int) -> Node:
    said: dict[int, str] = {}
    reads, makes, attributes, notes = list[str](), list[str](), dict[str, Any](), dict[str, str]()
    for key, value in fields(data):
        if key == 1:
            reads.append(text(value))
        elif key == 2:
            makes.append(text(value))
        elif key in (3, 4, 7):
            said[key] = text(value)
        elif key == 5:
            name, content = attribute_in(message(value), depth)
            attributes[name] = content
        elif key == 9:
            pair = {n: text(each) for n, each in fields(message(value)) if n in (1, 2)}
            notes[pair.get(1, "")] = pair.get(2, "")
    domain = said.get(7, "")
    domain = "" if domain == "ai.onnx" else domain
    return Node(said.get(4, ""), domain, said.get(3, ""), tuple(reads), tuple(makes), attributes, notes)


def attribute_in(data: memoryview, depth: int) -> tuple[str, Any]:
    """Its name and value: a number, text, tensor, or a list; a graph is only counted."""
    name = ""
    one: Any = None
    many: list[Any] = []
    for key, value in fields(data):
        if key == 1:
            name = text(value)
        elif key == 2:
            one = floats(value, 1)[0] if len(message(value)) >= 4 else None
        elif key == 3:
            one = number(value)
        elif key == 4:
            one = text(value)
        elif key == 5:
            one = tensor_in(message(value))
        elif key in (6, 11):
            one = subgraph(message(value), depth + 1)
        elif key == 7:
            many += floats(value, MAX_VALUES)
        elif key == 8:
            many += numbers(value, MAX_VALUES)
        elif key == 9:
            many.append(text(value))
        if len(many) > MAX_VALUES:
            raise Damaged(f"an attribute has more than {MAX_VALUES:,} values")
    return name, tuple(many) if many else one


def subgraph(data: memoryview, depth: int) -> str:
    """Graphs inside of nodes are walked, so that none nests without end; no operator with one is followed."""
    if depth > MAX_NESTING:
        raise Damaged(f"graphs are nested in more than {MAX_NESTING} levels")
    for key, value in fields(data):
        if key == 1:
            node_in(message(value), depth)
    return "a graph"


def tensor_in(data: memoryview, path: str = "") -> Tensor:
    """`path`: of the model, where numbers may lie in a file beside it."""
    name, shape, dtype, elsewhere = "", list[int](), "", dict[str, str]()
    raw: memoryview | None = None
    values: list[Any] = []
    for key, value in fields(data):
        if key == 1:
            shape += numbers(value, MAX_AXES + 1)
        elif key == 2:
            dtype = DTYPES.get(number(value), "unknown")
        elif key == 8:
            name = text(value)
        elif key == 9:
            raw = message(value)
        elif key in (5, 7) and len(values) <= MAX_VALUES:
            values += numbers(value, MAX_VALUES + 1)
        elif key == 4 and len(values) <= MAX_VALUES:
            values += floats(value, MAX_VALUES + 1)
        elif key == 13 and path:
            pair = {n: text(each) for n, each in fields(message(value)) if n in (1, 2)}
            elsewhere[pair.get(1, "")] = pair.get(2, "")
    if len(shape) > MAX_AXES or any(not 0 <= n < 1 << 40 for n in shape):
        raise Damaged(f"the tensor {name} has no shape that can be")
    count = 1
    for n in shape:
        count *= n
    if raw is not None and count <= MAX_VALUES:
        values = unpacked(raw, dtype, count)
    elif elsewhere and not values:
        values = beside(path, elsewhere, dtype, count)
    return Tensor(name, tuple(shape), dtype, tuple(values) if len(values) == count <= MAX_VALUES else None)


def beside(path: str, said: Mapping[str, str], dtype: str, count: int) -> list[Any]:
    """Whole numbers, such as indices, that lie in a file beside the model; none if it is not there, or elsewhere."""
    form, place = FORMATS.get(dtype, ""), said.get("location", "")
    if not dtype.startswith("int") or not form or count > MAX_VALUES or os.path.basename(place) != place or not place:
        return []
    size, begin = struct.calcsize(f"<{count}{form}"), said.get("offset", "0")
    if not begin.isascii() or not begin.isdigit() or len(begin) > 15:
        return []
    try:
        with readable(os.path.join(os.path.dirname(path), place)) as file:
            file.seek(int(begin))
            return unpacked(memoryview(file.read(size)), dtype, count)
    except (OSError, SpecError):
        return []


def unpacked(raw: memoryview, dtype: str, count: int) -> list[Any]:
    form = f"<{count}{FORMATS.get(dtype, 'x')}"
    if dtype not in FORMATS or struct.calcsize(form) != len(raw):
        return []
    return list(struct.unpack(form, raw))


def info_in(data: memoryview) -> Info:
    name, dtype, shape = "", "unknown", None
    for key, value in fields(data):
        if key == 1:
            name = text(value)
        elif key == 2:
            for kind, content in fields(message(value)):
                if kind == 1:
                    for part, each in fields(message(content)):
                        if part == 1:
                            dtype = DTYPES.get(number(each), "unknown")
                        elif part == 2:
                            shape = tuple(sizes_in(message(each)))
    return Info(name, dtype, shape)


def sizes_in(data: memoryview) -> Iterator[int | str]:
    """The length of each axis, or the name of a length that is free."""
    for count, (key, value) in enumerate(fields(data)):
        if count > MAX_AXES:
            raise Damaged(f"a value has more than {MAX_AXES} axes")
        if key == 1:
            found = dict(fields(message(value)))
            length = found.get(1)
            yield length if isinstance(length, int) and length > 0 else text(found[2]) if 2 in found else "?"
