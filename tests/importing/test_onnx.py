"""ONNX files: what is read, what is refused, and what mutants lead to."""

import random
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from archcalc.core.diagnostic import Diagnostic, SpecError
from archcalc.importing.from_onnx import from_onnx
from archcalc.importing.imported import from_torch
from archcalc.importing.network import Imported
from archcalc.importing.onnx.following import OPERATORS
from archcalc.measure import MEASURES
from tests.commands.front_door import guarded, reported
from tests.importing import networks
from tests.importing.onnx_files import model, node, part, tensor, varint
from tests.networks.zoo import DATA
from tests.shell import Shell

SMALL = DATA / "onnx" / "small.onnx"
"""networks.ResNet(), exported by torch 2.13.0 with random weights; of its notes, the names of modules are left."""


def read(tmp_path: Path, data: bytes, *inputs: str) -> Imported:
    file = tmp_path / "model.onnx"
    file.write_bytes(data)
    return from_onnx(str(file), *inputs)


def totals(found: Imported) -> tuple[Any, Any]:
    return MEASURES["params"].total(found.graph), MEASURES["macs"].total(found.graph)


def kinds(found: Imported) -> list[str]:
    return [each.kind for each in found.lowered.steps]


def test_an_export_is_the_network_that_its_code_is_without_batch_norms() -> None:
    exported, code = from_onnx(str(SMALL)), from_torch(networks.ResNet(), torch.zeros(1, 3, 32, 32))
    norms = sum(each.numel() for module in networks.ResNet().modules() if isinstance(module, nn.BatchNorm2d)
                for each in module.parameters())  # fmt: skip
    biases = norms // 2
    assert totals(exported) == (totals(code)[0] - norms + biases, totals(code)[1])
    assert not exported.why_flat
    assert not exported.differences
    assert "residual(c, stride=1):" in exported.spec
    assert "no batch norms" in exported.spec


CLASSIFIER = [
    node("Conv", "x w", "a", pads=[1, 1, 1, 1], strides=[2, 2]),
    node("BatchNormalization", "a s b m v", "b1", epsilon=1e-5),
    node("Clip", "b1 low high", "c"),
    node("GlobalAveragePool", "c", "d"),
    node("Flatten", "d", "e"),
    node("MatMul", "e f", "g"),
    node("Add", "g h", "y"),
]
NUMBERS = [tensor("low", [], [0.0]), tensor("high", [], [6.0])]
WEIGHTS = [
    tensor("w", [8, 3, 3, 3]), *(tensor(name, [8]) for name in "sbmv"), tensor("f", [8, 10]), tensor("h", [10]),
]  # fmt: skip


@pytest.mark.parametrize("batch", [1, 4, "N"])
def test_the_batch_of_a_file_is_not_in_its_network(batch: int | str, tmp_path: Path) -> None:
    found = read(tmp_path, model(CLASSIFIER, {"x": [batch, 3, 16, 16]}, [*WEIGHTS, *NUMBERS]))
    assert kinds(found) == ["conv", "batchnorm", "relu6", "global_avgpool", "linear"]
    assert totals(found) == (8 * 27 + 16 + 80 + 10, 8 * 8 * 8 * 27 + 80)
    assert "1 batch norms" in found.spec


def test_attention_of_an_export_with_a_batch_of_one_in_its_shapes(tmp_path: Path) -> None:
    nodes = [
        node("MatMul", "x w", "all"),
        node("Reshape", "all s1", "r", allowzero=1),
        node("Transpose", "r", "t", perm=[2, 0, 3, 1, 4]),
        *(node("Gather", f"t i{i}", name, axis=0) for i, name in enumerate("qkv")),
        node("Transpose", "k", "kt", perm=[0, 1, 3, 2]),
        node("MatMul", "q kt", "scores"),
        node("Mul", "scores half", "scaled"),
        node("Softmax", "scaled", "p", axis=-1),
        node("MatMul", "p v", "o"),
        node("Transpose", "o", "ot", perm=[0, 2, 1, 3]),
        node("Reshape", "ot s2", "y"),
    ]
    tensors = [
        tensor("w", [8, 24]), tensor("half", [], [0.5]), tensor("s1", [5], [1, 6, 3, 2, 4], "int64"),
        tensor("s2", [3], [1, 6, 8], "int64"), *(tensor(f"i{i}", [], [i], "int64") for i in range(3)),
    ]  # fmt: skip
    found = read(tmp_path, model(nodes, {"x": [1, 6, 8]}, tensors))
    assert "opaque" not in kinds(found)
    assert totals(found) == (8 * 24, 6 * 8 * 24 + 2 * 2 * 6 * 6 * 4)
    assert str(found.graph[found.graph.outputs[0]].output) == "[6, 8]"


def test_sizes_that_are_free_are_asked_for(tmp_path: Path) -> None:
    data = model(CLASSIFIER, {"x": ["N", 3, "H", "W"]}, [*WEIGHTS, *NUMBERS])
    assert refusal(tmp_path, data).code == "AC501"
    assert str(read(tmp_path, data, "3,20,20").graph.inputs[0].volume) == "[3, 20, 20]"


def refusal(tmp_path: Path, data: bytes) -> Diagnostic:
    with pytest.raises(SpecError) as error:
        read(tmp_path, data)
    return error.value.diagnostics[0]


def test_sizes_that_are_computed_are_followed(tmp_path: Path) -> None:
    nodes = [
        node("Shape", "x", "shape"),
        node("Gather", "shape zero", "n", axis=0),
        node("Unsqueeze", "n axes", "n1"),
        node("Concat", "n1 rest", "target", axis=0),
        node("Reshape", "x target", "y"),
    ]
    tensors = [tensor("zero", [], [0], "int64"), tensor("axes", [1], [0], "int64"), tensor("rest", [1], [-1], "int64")]
    found = read(tmp_path, model(nodes, {"x": [1, 3, 4, 4]}, tensors))
    assert kinds(found) == ["flatten"]


def test_numbers_that_are_computed_of_others_are_followed(tmp_path: Path) -> None:
    """As torch writes `expand(-1, ...)` and padding: choices, and rows of a small matrix in the other order."""
    nodes = [
        node("Equal", "given minus", "free"), node("Where", "free ones given", "target"),
        node("Expand", "token target", "tokens"), node("Add", "x tokens", "sum"),
        node("Slice", "ends minus1 least zero minus1", "turned"), node("Transpose", "turned", "columns", perm=[1, 0]),
        node("Reshape", "columns all", "amounts"), node("Pad", "sum amounts", "y"),
    ]  # fmt: skip
    integers = {"given": [1, -1, -1], "minus": [-1], "ones": [1, 1, 1], "minus1": [-1], "least": [-9], "zero": [0]}
    tensors = [tensor(name, [len(each)], each, "int64") for name, each in integers.items()]
    tensors += [tensor("all", [1], [-1], "int64"), tensor("ends", [3, 2], [0, 5, 0, 0, 0, 0], "int64")]
    found = read(tmp_path, model(nodes, {"x": [1, 3, 4]}, [*tensors, tensor("token", [1, 1, 4])]))
    assert totals(found) == (4, 0)
    assert found.lowered.steps[-1].volume.item_shape == (3, 9)


@pytest.mark.parametrize(("place", "known"), [("weights.bin", True), ("../weights.bin", False), ("none.bin", False)])
def test_indices_that_lie_beside_the_file_are_read(place: str, known: bool, tmp_path: Path) -> None:
    """The elements of a sample in their order are a reshape; a file elsewhere is not opened."""
    (tmp_path / "weights.bin").write_bytes(bytes(8) + b"".join(n.to_bytes(8, "little") for n in range(12)))
    (tmp_path.parent / "weights.bin").write_bytes(bytes(104))
    lies = part(13, part(1, "location") + part(2, place)) + part(13, part(1, "offset") + part(2, "8"))
    nodes = [node("Reshape", "x all", "flat"), node("Gather", "flat indices", "y", axis=0)]
    tensors = [tensor("all", [1], [-1], "int64"), tensor("indices", [1, 12, 1, 1], None, "int64") + lies]
    data = model(nodes, {"x": [1, 12]}, tensors)
    if known:
        assert read(tmp_path, data).lowered.steps[-1].volume.item_shape == (12, 1, 1)
    else:
        assert refusal(tmp_path, data).code == "AC522"


def test_a_slope_without_axes_is_one_of_all_channels(tmp_path: Path) -> None:
    found = read(tmp_path, model([node("PRelu", "x slope", "y")], {"x": [1, 4]}, [tensor("slope", [])]))
    assert totals(found) == (1, 0)


def test_a_bias_that_the_file_stores_once_for_several_layers_is_counted_once(tmp_path: Path) -> None:
    """Exporters store equal values once: biases of an untrained network."""
    nodes = [
        node("Identity", "bias", "same"), node("Conv", "x first bias", "a", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("Conv", "a second same", "b", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("GlobalAveragePool", "b", "c"), node("Flatten", "c", "d", axis=1),
        node("Gemm", "d third same", "y", transB=1),
    ]  # fmt: skip
    tensors = [tensor("first", [8, 3, 3, 3]), tensor("second", [8, 8, 3, 3]), tensor("third", [8, 8])]
    found = read(tmp_path, model(nodes, {"x": [1, 3, 6, 6]}, [*tensors, tensor("bias", [8])]))
    assert totals(found)[0] == 216 + 576 + 64 + 8
    assert "opaque" not in kinds(found)


def test_statistics_that_are_stored_as_a_weight_are_none(tmp_path: Path) -> None:
    """Before training, a scale is 1 as the variance is, and the bias 0 as the mean is."""
    nodes = [
        node("Identity", "one", "same"), node("BatchNormalization", "x one zero zero one", "a"),
        node("Relu", "a", "b"), node("BatchNormalization", "b same zero zero same", "y"),
    ]  # fmt: skip
    found = read(tmp_path, model(nodes, {"x": [1, 4, 6, 6]}, [tensor("one", [4]), tensor("zero", [4])]))
    assert kinds(found) == ["batchnorm", "relu", "batchnorm"]
    assert totals(found)[0] == 8


@pytest.mark.parametrize(("name", "expected"), [("val_80", ["scale"]), ("gain", ["learned"])])
def test_a_number_that_torch_computed_is_no_weight(name: str, expected: list[str], tmp_path: Path) -> None:
    nodes, numbers = [node("Mul", f"x {name}", "y")], [tensor(name, [1], [0.5])]
    found = read(tmp_path, model(nodes, {"x": [1, 4]}, numbers) + part(2, "pytorch"))
    assert kinds(found) == expected
    assert totals(found)[0] == (expected == ["learned"])


def test_an_operator_that_is_not_known_is_kept_with_its_shape_or_refused_with_its_line(tmp_path: Path) -> None:
    nodes = [node("Relu", "x", "a"), node("Magic", "a", "y", domain="com.example")]
    found = read(tmp_path, model(nodes, {"x": [1, 5]}, known={"y": [1, 7]}))
    assert kinds(found) == ["relu", "opaque"]
    assert {each.code for each in found.findings} == {"AC510"}
    refused = refusal(tmp_path, model(nodes, {"x": [1, 5]}))
    assert refused.code == "AC530"
    assert refused.location is not None
    assert refused.location.line == 1
    assert "Magic(a)" in refused.location.source.line(1)


DOUBLED = [node("Concat", f"v{i} v{i}", f"v{i + 1}", axis=0) for i in range(60)]
"""Numbers that are twice as many behind each node."""


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "AC531"),
        (b"\x08\x08", "AC531"),
        (part(7, b"\x0a\xff\xff"), "AC531"),
        (model(CLASSIFIER, {"x": [1, 3, 16, 16]}, [*WEIGHTS, *NUMBERS], opset=3), "AC530"),
        (model(CLASSIFIER, {"x": [1, 4, 16, 16]}, [*WEIGHTS, *NUMBERS]), "AC530"),
        (model(CLASSIFIER, {"x": []}, [*WEIGHTS, *NUMBERS]), "AC522"),
        (model([node("Relu", "nothing", "y")], {"x": [1, 4]}), "AC530"),
        (model([node("Constant", "", "c"), node("Add", "x c", "y")], {"x": [1, 4]}), "AC530"),
        (model([node("Reshape", "x s", "y")], {"x": [1, 4]}, [tensor("s", [2], [1, 5], "int64")]), "AC530"),
        (model([node("Shape", "x", "v0"), *DOUBLED], {"x": [1, 4]}), "AC530"),
    ],
)
def test_what_does_not_fit_is_refused(data: bytes, code: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, data).code == code


ANYTHING = [
    tensor("n", []), tensor("c", [8]), tensor("m", [8, 8]), tensor("f", [8, 8, 3, 3]), tensor("big", [1, 8, 6, 6]),
    tensor("i", [], [1], "int64"), tensor("i2", [2], [1, 0], "int64"), tensor("i4", [4], [0, 1, 1, 0], "int64"),
]  # fmt: skip
"""Values of many shapes; the input and what was made of it are values, too."""

GIVEN: dict[str, dict[str, Any]] = {
    "Conv": {"pads": [1, 1, 1, 1]}, "ConvTranspose": {}, "MaxPool": {"kernel_shape": [2, 2]},
    "AveragePool": {"kernel_shape": [2, 2]}, "GroupNormalization": {"num_groups": 2}, "LRN": {"size": 3},
    "Einsum": {"equation": "bchw,oc->bohw"}, "LSTM": {"hidden_size": 4}, "Concat": {"axis": 1}, "Split": {"axis": 1},
}  # fmt: skip
"""The attributes that operators need."""


@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_any_value_in_any_place_is_read_or_refused(operator: str, tmp_path: Path) -> None:
    """Files can name any value where an operator reads another one: a picture as a bias."""
    rng = random.Random(operator)
    names = ["x", "r", *"ncmf", "big", "i", "i2", "i4", "-"]
    places = {(first, *rest) for first in "xrm" for rest in product(names, repeat=2)}
    for reads in rng.sample(sorted(places), 60):
        inputs = " ".join([*reads, *rng.choices(names, k=rng.randrange(3))])
        line = node(operator, inputs, "y", **GIVEN.get(operator, {}))
        file = tmp_path / "model.onnx"
        file.write_bytes(model([node("Relu", "x", "r"), line], {"x": [1, 8, 6, 6]}, ANYTHING))
        with guarded():
            try:
                from_onnx(str(file))
            except SpecError as error:
                reported(error.diagnostics)


def test_graphs_inside_of_nodes_do_not_nest_without_end(tmp_path: Path) -> None:
    inner = b""
    for _ in range(200):
        inner = part(1, part(5, part(1, "body") + part(6, inner)))
    assert "nested" in refusal(tmp_path, number_of(inner)).message


def number_of(graph: bytes) -> bytes:
    return part(7, graph) + part(8, b"\x10\x14")


def test_the_command_and_every_other_one_take_the_file(shell: Shell) -> None:
    flat = shell("import", str(SMALL), "--flat")
    assert "layer1_0_conv1 = conv(3, 8, padding=1)" in flat.out
    assert "11,962 parameters and 579,744 MACs" in flat.err
    assert '"macs": 579744' in shell("report", str(SMALL), "--format", "json").out
    refused = shell("import", str(SMALL), "--verify")
    assert refused.code == 2
    assert "ONNX" in refused.err


def fields_in(data: bytes) -> list[tuple[int, int, Any]]:
    """The fields of a message: key, wire type, and a number, bytes, or the fields inside; ValueError if it is none."""
    found: list[tuple[int, int, Any]] = []
    at = 0
    while at < len(data):
        key, at = number_at(data, at)
        kind = key & 7
        if kind == 0:
            value, at = number_at(data, at)
            found.append((key >> 3, kind, value))
            continue
        length, at = number_at(data, at) if kind == 2 else ({1: 8, 5: 4}.get(kind, -1), at)
        if length < 0 or at + length > len(data) or not key >> 3:
            raise ValueError
        found.append((key >> 3, kind, inner(data[at : at + length]) if kind == 2 else data[at : at + length]))
        at += length
    return found


def inner(data: bytes) -> Any:
    """A message, or the bytes themselves."""
    try:
        return fields_in(data) or data
    except (ValueError, IndexError):
        return data


def number_at(data: bytes, at: int) -> tuple[int, int]:
    found, shift = 0, 0
    while True:
        found |= (data[at] & 127) << shift
        at, shift, more = at + 1, shift + 7, data[at] > 127
        if not more:
            return found, at


def encoded(fields: Any) -> bytes:
    if isinstance(fields, bytes):
        return fields
    made = b""
    for key, kind, value in fields:
        data = encoded(value) if kind else varint(value)
        made += varint(key << 3 | kind) + (varint(len(data)) if kind == 2 else b"") + data
    return made


def reshuffled(fields: list[tuple[int, int, Any]], rng: random.Random) -> None:
    """Changes a field somewhere: a number, a part that goes, comes twice, or stands elsewhere; lengths stay right."""
    while fields:
        at = rng.randrange(len(fields))
        key, kind, value = fields[at]
        if isinstance(value, list) and rng.random() < 0.9:
            fields = value
            continue
        match rng.randrange(5):
            case 0 if kind == 0:
                fields[at] = (
                    key,
                    kind,
                    rng.choice((0, 1, 2, 3, 7, value + 1, 1 << 20, 1 << 40, (1 << 64) - 1, rng.getrandbits(64))),
                )
            case 0 | 1 if isinstance(value, bytes) and kind == 2:
                other = rng.choice(fields)[2]
                fields[at] = (
                    key,
                    kind,
                    other if isinstance(other, bytes) else bytes(rng.randrange(256) for _ in range(rng.randrange(9))),
                )
            case 2:
                del fields[at]
            case 3:
                fields.insert(rng.randrange(len(fields) + 1), fields[at])
            case _:
                fields[at], fields[-1] = fields[-1], fields[at]
        return


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Bytes that change, go or come twice; a file that ends."""
    found = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(found))
        match rng.randrange(4):
            case 0:
                found[at] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
            case 1:
                del found[at : at + rng.randint(1, 9)]
            case 2:
                found[at:at] = found[max(0, at - rng.randint(1, 30)) : at]
            case _:
                del found[at:]
        found = found or bytearray(b"\0")
    return bytes(found)


def fuzz(count: int, seed: int, tmp_path: Path) -> int:
    """How many mutants are still networks: every second one is damaged in its bytes, the others in what they say."""
    rng, whole, file = random.Random(seed), 0, tmp_path / "model.onnx"
    bases = [model(CLASSIFIER, {"x": [1, 3, 16, 16]}, [*WEIGHTS, *NUMBERS]), SMALL.read_bytes()]
    for i in range(count):
        base = bases[rng.random() < 0.05]
        if i % 2:
            data = damaged(base[:20_000], rng)
        else:
            fields = fields_in(base)
            for _ in range(rng.randint(1, 3)):
                reshuffled(fields, rng)
            data = encoded(fields)
        file.write_bytes(data)
        with guarded():
            try:
                from_onnx(str(file))
                whole += 1
            except SpecError as error:
                reported(error.diagnostics)
    return whole


def test_mutants_are_read_or_reported(tmp_path: Path) -> None:
    assert 20 < fuzz(400, 0, tmp_path) < 390


@pytest.mark.fuzz
def test_many_mutants_are_read_or_reported(tmp_path: Path) -> None:
    fuzz(100_000, 1, tmp_path)
