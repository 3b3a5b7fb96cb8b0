"""Headers of checkpoints: what is read, what is refused, and what mutants lead to."""

import importlib
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from archcalc.comparison.weights import Stored, Weights
from archcalc.core.diagnostic import SpecError
from archcalc.importing.checkpoint import KINDS, checkpoint_of
from tests.commands.front_door import guarded, reported
from tests.importing import networks
from tests.importing.checkpoints import Tensors, gguf, safetensors, sharded, string
from tests.networks.zoo import DATA
from tests.shell import Shell

TENSORS: Tensors = {"a.weight": ("F32", (4, 3)), "a.bias": ("BF16", (4,)), "steps": ("I64", ())}

for each in KINDS:  # they are loaded when they are needed, which is no part of what is measured below
    importlib.import_module(f"archcalc.importing.checkpoints.{each}")

FORMATS: dict[str, Callable[[Tensors], bytes]] = {"safetensors": safetensors, "gguf": gguf}


def stored(tensors: Tensors) -> dict[str, Stored]:
    return {name: Stored(shape, dtype) for name, (dtype, shape) in tensors.items()}


def read(path: Path) -> Weights:
    found = checkpoint_of(str(path))
    assert found is not None
    return found


@pytest.mark.parametrize("kind", FORMATS)
def test_names_shapes_and_dtypes_are_read(kind: str, tmp_path: Path) -> None:
    file = tmp_path / f"model.{kind}"
    file.write_bytes(FORMATS[kind](TENSORS))
    assert dict(read(file).tensors) == stored(TENSORS)


def test_files_of_the_libraries_of_both_formats_are_read() -> None:
    """Written by safetensors 0.8.0 and by gguf 0.19.0."""
    found = read(DATA / "checkpoints" / "small.safetensors").tensors
    assert dict(found) == {
        "steps": Stored((), "I64"), "a.weight": Stored((4, 3), "F32"), "a.bias": Stored((4,), "BF16")
    }  # fmt: skip
    found = read(DATA / "checkpoints" / "small.gguf").tensors
    assert dict(found) == {
        "token_embd.weight": Stored((3, 64), "F32"),
        "blk.0.attn_q.weight": Stored((64, 32), "F16"),
        "blk.0.ffn_up.weight": Stored((8, 64), "Q8_0"),
    }


def test_a_checkpoint_in_several_files(tmp_path: Path) -> None:
    parts: dict[str, Tensors] = {
        "model-1-of-2.safetensors": {"a.weight": ("F32", (4, 3))},
        "model-2-of-2.safetensors": {"b.weight": ("F16", (5,)), "b.bias": ("F32", (5,))},
    }
    index = sharded(tmp_path, parts)
    assert dict(read(index).tensors) == stored({name: each for part in parts.values() for name, each in part.items()})


@pytest.mark.parametrize("reference", ["resnet50", "net.yaml", "config.json", "model.onnx", "a.json"])
def test_what_is_no_checkpoint(reference: str) -> None:
    assert checkpoint_of(reference) is None


# --- damage ----------------------------------------------------------------------------------------------------------

ONE = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
WHOLE = safetensors(TENSORS)

DAMAGED = {
    "empty": (b"", "shorter than the eight bytes"),
    "a length beyond the end": (struct.pack("<Q", 1 << 60) + b"{}", "its header has 1,152,921,504,606,846,976 bytes"),
    "cut within the header": (WHOLE[:40], "its header has"),
    "cut within the tensors": (WHOLE[:-1], "lies outside of the file"),
    "no JSON": (struct.pack("<Q", 4) + b"abcd", "not valid JSON"),
    "no UTF-8": (struct.pack("<Q", 4) + b'"\xff"}', "not valid JSON"),
    "a list": (struct.pack("<Q", 2) + b"[]", "not a mapping"),
    "nested": (struct.pack("<Q", 200_000) + b"[" * 200_000, "not valid JSON: nested too deeply"),
    "many lists": (struct.pack("<Q", 2_000_000) + b"[]" * 1_000_000, "larger than that of any checkpoint"),
    "a name twice": (struct.pack("<Q", 15) + b'{"a":1,"a":2}  ', "a name is there twice"),
    "no number": (struct.pack("<Q", 9) + b'{"a":NaN}', "NaN is no number"),
    "no shape": (safetensors({}, a={"dtype": "F32"}), "has no dtype, shape or data_offsets"),
    "a negative size": (safetensors(TENSORS, a=ONE | {"shape": [-2]}), "not a list of sizes"),
    "a size that is no number": (safetensors(TENSORS, a=ONE | {"shape": [True]}), "not a list of sizes"),
    "a size that is a fraction": (safetensors(TENSORS, a=ONE | {"shape": [2.0]}), "not a list of sizes"),
    "sizes without end": (safetensors(TENSORS, a=ONE | {"shape": [1] * 65}), "not a list of sizes"),
    "places in the wrong order": (safetensors(TENSORS, a=ONE | {"data_offsets": [8, 0]}), "lies outside"),
    "an unknown dtype": (safetensors(TENSORS, a=ONE | {"dtype": "F33"}), "unknown dtype 'F33'"),
    "a dtype that is no word": (safetensors(TENSORS, a=ONE | {"dtype": [1]}), "unknown dtype '[1]'"),
    "too few bytes": (safetensors(TENSORS, a=ONE | {"shape": [3]}), "does not fit its bytes"),
}

GGUF_DAMAGED = {
    "empty": (b"", "it is empty"),
    "another file": (b"PK\x03\x04" * 9, "does not begin with GGUF"),
    "an old version": (gguf(TENSORS, version=1), "its version is 1; archcalc reads 2 and 3"),
    "cut": (gguf(TENSORS)[:100], "ends within its header"),
    "cut within the tensors": (gguf({"a": ("F32", (1000,))})[:-64], "ends beyond the file"),
    "more tensors than there are": (gguf(TENSORS, count=9), "is damaged"),
    "tensors without end": (gguf(TENSORS, count=1 << 60), "tensors and 5 keys"),
    "a key of an unknown type": (gguf(TENSORS, keys=1, values=string("a") + struct.pack("<I", 77)), "has the type 77"),
    "a name without end": (gguf(TENSORS, keys=1, values=struct.pack("<Q", 1 << 50)), "a name has"),
    "a name that is no text": (gguf(TENSORS, keys=1, values=struct.pack("<Q", 1) + b"\xff"), "not UTF-8"),
    "strings without end": (
        gguf(TENSORS, keys=1, values=string("a") + struct.pack("<IIQ", 9, 8, 1 << 40)), "more than 2,000,000 strings"
    ),
    "numbers without end": (
        gguf(TENSORS, keys=1, values=string("a") + struct.pack("<IIQ", 9, 4, 1 << 61)), "ends within its header"
    ),
    "nested": (
        gguf(TENSORS, keys=1, values=string("a") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 9), "too deeply"
    ),
    "a name twice": (
        gguf({"a": ("F32", (2,))}, count=2, more=string("a") + struct.pack("<IIQ", 0, 0, 0)), "'a' is there twice"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "why"), DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_file_is_reported_in_one_sentence(data: bytes, why: str, tmp_path: Path) -> None:
    is_refused(tmp_path / "model.safetensors", data, why)


@pytest.mark.parametrize(("data", "why"), GGUF_DAMAGED.values(), ids=GGUF_DAMAGED.keys())
def test_a_damaged_gguf_file_is_reported_in_one_sentence(data: bytes, why: str, tmp_path: Path) -> None:
    is_refused(tmp_path / "model.gguf", data, why)


def is_refused(file: Path, data: bytes, why: str) -> None:
    file.write_bytes(data)
    with pytest.raises(SpecError) as caught, guarded():
        checkpoint_of(str(file))
    [found] = caught.value.diagnostics
    assert found.code == "AC542"
    assert why in found.message
    assert "\n" not in found.message
    assert len(found.message) < len(str(file)) + 200


INDEXED: dict[str, Tensors] = {"a.safetensors": {"x": ("F32", (2,))}}

WRONG_INDICES = {
    "a file elsewhere": ({"x": "../a.safetensors"}, "not the name of a safetensors file in its folder"),
    "a pickle": ({"x": "a.bin"}, "not the name of a safetensors file in its folder"),
    "a file that is missing": ({"y": "b.safetensors"}, "does not exist"),
    "a tensor that is missing": ({"y": "a.safetensors"}, "'y' is not in a.safetensors"),
}


@pytest.mark.parametrize(("changes", "why"), WRONG_INDICES.values(), ids=WRONG_INDICES.keys())
def test_an_index_that_does_not_fit_its_files(changes: dict[str, str], why: str, tmp_path: Path) -> None:
    index = sharded(tmp_path, INDEXED, **changes)
    with pytest.raises(SpecError, match=why):
        checkpoint_of(str(index))


def test_a_tensor_that_the_index_does_not_list(tmp_path: Path) -> None:
    index = sharded(tmp_path, {"a.safetensors": {"x": ("F32", (2,)), "y": ("F32", (2,))}})
    index.write_text('{"weight_map": {"x": "a.safetensors"}}')
    with pytest.raises(SpecError, match="does not list 'y' of"):
        checkpoint_of(str(index))


@pytest.mark.parametrize("text", ["{}", '{"weight_map": []}', '{"weight_map": {"x": 3}}', "[", ""])
def test_an_index_that_is_none(text: str, tmp_path: Path) -> None:
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(text)
    with pytest.raises(SpecError, match="no index of a checkpoint"):
        checkpoint_of(str(index))


# --- mutants ---------------------------------------------------------------------------------------------------------

NUMBERS = [struct.pack("<Q", n) for n in (0, 1, 255, 1 << 31, (1 << 32) - 1, 1 << 62, (1 << 64) - 1)]


def mutant(data: bytes, chance: random.Random) -> bytes:
    """A file with a few changes: bytes replaced, pieces cut, doubled or moved, lengths made large."""
    made = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(made) + 1)
        what = chance.randrange(6)
        if what == 0 and made:
            made[at % len(made)] = chance.randrange(256)
        elif what == 1:
            made[at : at + 8] = chance.choice(NUMBERS)
        elif what == 2:
            del made[at : at + chance.randint(1, 20)]
        elif what == 3:
            made[at:at] = made[at : at + chance.randint(1, 200)]
        elif what == 4:
            made[at:at] = chance.choice([b"[", b"{", b'"', b"9" * 30, b"-", b"1e9", b"null", b"\\u0000", b"\xff"])
        else:
            del made[at:]
    return bytes(made)


def fuzz(kind: str, count: int, seed: int, folder: Path) -> int:
    """Reads mutants; returns how many of them are still read."""
    chance, file, whole = random.Random(seed), folder / f"model.{kind}", 0
    codes = set()
    originals = [FORMATS[kind](TENSORS), FORMATS[kind]({f"h.{n}.w": ("F16", (n, 2)) for n in range(9)})]
    for _ in range(count):
        file.write_bytes(mutant(chance.choice(originals), chance))
        with guarded():
            try:
                checkpoint_of(str(file))
                whole += 1
            except SpecError as error:
                codes |= {each.code for each in error.diagnostics}
                reported(error.diagnostics)
    assert codes <= {"AC542"}
    return whole


@pytest.mark.parametrize("kind", FORMATS)
def test_mutants_are_read_or_reported(kind: str, tmp_path: Path) -> None:
    assert 0 < fuzz(kind, 1_500, 0, tmp_path) < 1_400


@pytest.mark.fuzz
@pytest.mark.parametrize("kind", FORMATS)
def test_many_mutants_are_read_or_reported(kind: str, tmp_path: Path) -> None:
    fuzz(kind, 100_000, 1, tmp_path)


def test_large_headers_are_read_within_bounds(tmp_path: Path) -> None:
    many = safetensors({f"model.layers.{n}.mlp.experts.gate_proj.weight": ("F16", ()) for n in range(20_000)})
    (tmp_path / "model.safetensors").write_bytes(many)
    words = b"".join(string(f"word {n}") for n in range(300_000))
    values = string("tokens") + struct.pack("<IIQ", 9, 8, 300_000) + words
    (tmp_path / "model.gguf").write_bytes(gguf(TENSORS, keys=1, values=values))
    with guarded():
        assert len(read(tmp_path / "model.safetensors").tensors) == 20_000
        assert len(read(tmp_path / "model.gguf").tensors) == 3


def test_no_tensor_is_read(tmp_path: Path) -> None:
    """A file of 8 GiB with a hole where the tensors are."""
    file = tmp_path / "model.safetensors"
    file.write_bytes(safetensors({}, a={"dtype": "F32", "shape": [1 << 31], "data_offsets": [0, 1 << 33]}))
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size + (1 << 33))
    with guarded():
        assert read(file).tensors["a"].numel == 1 << 31


@pytest.mark.parametrize(("suffix", "written"), [("safetensors", safetensors), ("gguf", gguf)])
@pytest.mark.parametrize("network", [networks.ResNet(depth=1), networks.Tied(), networks.Idle()])
def test_code_has_the_names_of_its_state(
    network: nn.Module, suffix: str, written: Any, shell: Shell, tmp_path: Path
) -> None:
    """What `state_dict` has agrees; a weight less, one more and another shape do not."""
    state = {
        name: ("I64" if each.dtype == torch.long else "F32", tuple(each.shape))
        for name, each in network.state_dict().items()
    }
    if suffix == "gguf":
        state = {name: each for name, each in state.items() if each[1]}
    example = "ids=6:int64" if isinstance(network, networks.Tied) else "3,32,32"
    depth = "(depth=1)" if isinstance(network, networks.ResNet) else ""
    reference = f"py:tests/importing/networks.py:{type(network).__name__}{depth}"
    file = tmp_path / f"model.{suffix}"

    def differences(tensors: Any) -> tuple[int, str]:
        file.write_bytes(written(tensors))
        found = shell("diff", reference, str(file), "--input", example)
        return found.code, found.out

    assert differences(state)[0] == 0
    name = next(name for name, (_, shape) in state.items() if len(shape) > 1)
    code, text = differences({each: of for each, of in state.items() if each != name} | {"more": ("F32", (3,))})
    assert (code, f"-  {name}" in text, "+  more" in text) == (1, True, True)
    dtype, (first, *rest) = state[name]
    code, text = differences({**state, name: (dtype, (first + 1, *rest))})
    assert (code, f"~  {name}" in text) == (1, True)
