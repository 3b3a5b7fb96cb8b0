"""Documents: sections, variants, settings, imports, files, one-liners."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from archcalc.core.diagnostic import SpecError
from archcalc.core.location import Location, Source
from archcalc.spec import full_yaml, reader
from archcalc.spec.chain import Step
from archcalc.spec.declaration import Document, Expectation
from archcalc.spec.document import one_liner, read_document, read_source, variant_names
from archcalc.spec.expression import parse_expression
from archcalc.spec.value import Value

RESNET = """\
archcalc: 1
name: ResNet-50
about: >
  Residual learning,
  fifty layers.
source: "He et al. 2015, arXiv:1512.03385"
tags: [classification, residual]
params: {classes: 1000, w: 64, depths: [3, 4, 6, 3], mlp: 4*w}
input: [3, 224, 224]
defaults:
  conv: {padding: same, norm: batchnorm}
blocks:
  stage(width, n, stride=2*1):
    - conv(3, width, stride=stride) -> conv(3, width) * (n - 1)
  plain: relu -> tanh
layers:
  - stage(w, depths[0])
outputs: [a, b.0.conv2]
expect:
  params: 25_557_032
  macs: 4.09e9 +- 1%
  flops: 8e9 +- 2*w
  output: [1000]
  shapes: {layer3: [1024, 14, 14], layer4.0: [2048, 7, 7]}
variants:
  resnet101: {depths: [3, 4, 23, 3], name: ResNet-101, expect: {params: 44_549_160}}
  wide: {params: {w: 128}, input: {image: {shape: [3, 96, 96], channels_last: true}}}
"""


def here(text: str) -> Location:
    return Location(Source("test", text))


def read(text: str, variant: str | None = None, settings: Mapping[str, str] | None = None) -> Document:
    return read_document(Source("nets/test.yaml", text), variant=variant, settings=settings)


def params(document: Document) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for parameter in document.library.params:
        values[parameter.name.text] = parameter.value.evaluate(values)
    return values


def dims(document: Document) -> dict[str, tuple[Value, ...]]:
    return {each.name: tuple(dim.evaluate({}) for dim in each.shape) for each in document.inputs}


def codes(error: pytest.ExceptionInfo[SpecError]) -> list[str]:
    return [found.code for found in error.value.diagnostics]


# --- sections -----------------------------------------------------------------------------------------------------


def test_what_a_document_holds() -> None:
    document = read(RESNET)
    assert (document.name, document.about) == ("ResNet-50", "Residual learning, fifty layers.")
    assert document.citation == "He et al. 2015, arXiv:1512.03385"
    assert document.tags == ("classification", "residual")
    assert params(document) == {"classes": 1000, "w": 64, "depths": (3, 4, 6, 3), "mlp": 256}
    assert dims(document) == {"input": (3, 224, 224)}
    assert [word.text for word in document.outputs] == ["a", "b.0.conv2"]
    assert document.variants == ("resnet101", "wide")
    assert document.libraries == {"nets/test.yaml": document.library}
    assert [word.text for word in document.library.default_names] == ["conv"]
    assert [word.text for word, _ in document.library.defaults["conv"]] == ["padding", "norm"]


def test_blocks_have_parameters_and_bodies() -> None:
    blocks = read(RESNET).library.blocks
    stage = blocks["stage"]
    assert [(word.text, default and default.evaluate({})) for word, default in stage.parameters] == [
        ("width", None),
        ("n", None),
        ("stride", 2),
    ]
    assert (stage.home, stage.name.text, len(stage.body)) == ("nets/test.yaml", "stage", 2)
    assert (blocks["plain"].parameters, len(blocks["plain"].body)) == ((), 2)


def test_expectations() -> None:
    found = {each.key.text: each for each in read(RESNET).expect}
    assert list(found) == ["params", "macs", "flops", "output", "shapes"]
    assert value(found["params"]) == 25_557_032
    assert (value(found["macs"]), found["macs"].tolerance) == (4.09e9, 0.01)
    absolute = found["flops"].absolute
    assert absolute
    assert absolute.evaluate({"w": 64}) == 128
    assert value(found["output"]) == (1000,)
    assert {part.key.text: value(part) for part in found["shapes"].parts} == {
        "layer3": (1024, 14, 14),
        "layer4.0": (2048, 7, 7),
    }


def value(expectation: Expectation) -> Value:
    assert expectation.value
    return expectation.value.evaluate({})


@pytest.mark.parametrize("sign", ["+-", "+/-", "±"])
def test_tolerances(sign: str) -> None:
    document = read(f"archcalc: 1\ninput: [3]\nlayers: relu\nexpect: {{macs: 100 {sign} 2.5%}}\n")
    assert document.expect[0].tolerance == 0.025


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[3, 32, 32]", [("input", 3, "float32", False)]),
        ("{shape: [16], dtype: int64, vocab: 100}", [("input", 1, "int64", False)]),
        (
            "{image: [3, 32, 32], tokens: {shape: [16], dtype: int64}}",
            [("image", 3, "float32", False), ("tokens", 1, "int64", False)],
        ),
        ("{image: {shape: [32, 32, 3], channels_last: true}}", [("image", 3, "float32", True)]),
    ],
)
def test_inputs(text: str, expected: list[tuple[str, int, str, bool]]) -> None:
    inputs = read(f"archcalc: 1\ninput: {text}\nlayers: relu\n").inputs
    assert [(each.name, len(each.shape), each.dtype, each.channels_last) for each in inputs] == expected


def test_symbols_have_bounds() -> None:
    text = "archcalc: 1\nparams: {ctx: 64}\nsymbols: {T: {min: 1, max: ctx}, B: }\ninput: [T]\nlayers: relu\n"
    t, b = read(text).library.symbols
    assert t.max
    assert (t.name, t.max.evaluate({"ctx": 64}), t.multiple_of) == ("T", 64, None)
    assert (b.name, b.min, b.max) == ("B", None, None)


def test_yaml_does_not_decide_what_a_scalar_means() -> None:
    """Norway, exponents, dates, null: all of it stays what it looks like."""
    text = "archcalc: 1\nname: no\nabout: 2024-01-01\nparams: {a: 10, b: 1e3, c: off}\ninput: [3]\nlayers: relu\n"
    document = read(text)
    assert (document.name, document.about) == ("no", "2024-01-01")
    a, b, c = (parameter.value.evaluate({}, ("off",)) for parameter in document.library.params)
    assert (a, b, c) == (10, 1000, "off")


# --- variants and settings ----------------------------------------------------------------------------------------


def test_a_variant_changes_params_and_brings_its_own_expectations() -> None:
    document = read(RESNET, "resnet101")
    assert (document.name, document.variant) == ("ResNet-101", "resnet101")
    assert params(document)["depths"] == (3, 4, 23, 3)
    assert [(each.key.text, value(each)) for each in document.expect] == [("params", 44_549_160)]


def test_a_variant_that_expects_nothing() -> None:
    document = read(RESNET, "wide")
    assert document.name == "ResNet-50@wide"
    assert params(document) == {"classes": 1000, "w": 128, "depths": (3, 4, 6, 3), "mlp": 512}
    assert dims(document) == {"image": (3, 96, 96)}
    assert document.expect == ()


def test_settings_change_params_and_nothing_is_expected() -> None:
    document = read(RESNET, "resnet101", {"w": "2*3", "classes": "10"})
    assert params(document) == {"classes": 10, "w": 6, "depths": (3, 4, 23, 3), "mlp": 24}
    assert document.expect == ()


def test_a_setting_gives_a_free_dimension_its_number() -> None:
    text = "archcalc: 1\nsymbols: {T: {min: 1}, S: }\nparams: {p: 2*T}\ninput: [T, 2*H]\nlayers: relu\n"
    document = read(text, settings={"T": "5", "H": "7"})
    assert params(document) == {"T": 5, "H": 7, "p": 10}
    assert [symbol.name for symbol in document.library.symbols] == ["S"]


def test_variant_names_are_had_without_reading_the_rest() -> None:
    assert variant_names(Source("x", RESNET)) == ("resnet101", "wide")
    assert variant_names(Source("x", "layers: 3\nvariants: [a]")) == ()
    assert variant_names(Source("x", "")) == ()


def test_variants_are_checked_before_anyone_asks_for_them() -> None:
    with pytest.raises(SpecError) as caught:
        read("archcalc: 1\nparams: {w: 1}\ninput: [3]\nlayers: relu\nvariants: {a: {w: 3 +}, b: {expect: {}, v: 1}}\n")
    assert codes(caught) == ["AC012", "AC117"]


# --- imports ------------------------------------------------------------------------------------------------------

FILES = {
    "nets/resnet_blocks.yaml": "archcalc: 1\nparams: {w: 8}\nimport: {low: lower/low.yaml}\nblocks:\n  b: conv(3, w)\n",
    "nets/lower/low.yaml": "archcalc: 1\nblocks:\n  c: relu\nlayers: ((not looked at\n",
    "nets/again.yaml": "archcalc: 1\nimport: [lower/low.yaml]\nblocks: {d: relu}\n",
    "nets/loop.yaml": "archcalc: 1\nimport: [back.yaml]\n",
    "nets/back.yaml": "archcalc: 1\nimport: [loop.yaml]\n",
    "nets/bad.yaml": "archcalc: 1\nblocks: {d: relu ->, e: }\nlayer: relu\n",
}


def load(path: str) -> Source:
    if path not in FILES:
        raise FileNotFoundError(2, "No such file or directory")
    return Source(path, FILES[path])


def importing(imports: str, more: str = "") -> Document:
    text = f"archcalc: 1\nimport: {imports}\ninput: [3]\nlayers: relu\n{more}"
    return read_document(Source("nets/test.yaml", text), load=load)


def test_an_imported_block_keeps_its_home() -> None:
    document = importing("{rn: ./resnet_blocks.yaml}")
    assert {name: block.home for name, block in document.library.blocks.items()} == {
        "rn.b": "nets/resnet_blocks.yaml",
        "rn.low.c": "nets/lower/low.yaml",
    }
    assert document.library.imports == (("rn", "nets/resnet_blocks.yaml"),)
    home = document.libraries["nets/resnet_blocks.yaml"]
    assert [parameter.name.text for parameter in home.params] == ["w"]
    assert set(home.blocks) == {"b", "low.c"}
    assert set(document.libraries) == {"nets/test.yaml", *list(FILES)[:2]}


def test_a_list_imports_without_a_prefix_and_one_file_may_come_twice() -> None:
    document = importing("[again.yaml, ./lower/../lower/low.yaml]")
    assert list(document.library.blocks) == ["c", "d"]


@pytest.mark.parametrize(
    ("imports", "more", "code", "message"),
    [
        ("[loop.yaml]", "", "AC020", "circular import"),
        ("[test.yaml]", "", "AC020", "circular import"),
        ("[nowhere.yaml]", "", "AC020", "nets/nowhere.yaml cannot be read: no such file or directory"),
        ("[/etc/passwd]", "", "AC020", "an import must be a path relative to this file"),
        ("[[a]]", "", "AC016", "an import must be the path of a file"),
        ("[again.yaml]", "blocks: {d: relu}\n", "AC118", "the block 'd' is defined twice"),
    ],
)
def test_imports_that_fail(imports: str, more: str, code: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        importing(imports, more)
    assert [(found.code, found.message) for found in caught.value.diagnostics] == [(code, message)]


def test_a_cycle_of_imports_is_shown() -> None:
    with pytest.raises(SpecError) as caught:
        importing("[loop.yaml]")
    assert caught.value.diagnostics[0].notes == ("loop.yaml -> back.yaml -> loop.yaml",)


def test_a_spec_that_imports_itself_under_another_spelling() -> None:
    with pytest.raises(SpecError) as caught:
        importing("[./lower/../test.yaml]")
    assert caught.value.diagnostics[0].notes == ("test.yaml -> test.yaml",)


def test_what_is_wrong_in_an_imported_file_is_reported_in_it() -> None:
    with pytest.raises(SpecError) as caught:
        importing("[bad.yaml]")
    places = [str(found.location) for found in caught.value.diagnostics]
    assert places == ["nets/bad.yaml:2:20", "nets/bad.yaml:2:25", "nets/bad.yaml:3:1"]


def test_imports_are_read_from_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "blocks.yaml").write_text("archcalc: 1\nblocks: {b: relu}\n")
    (tmp_path / "net.yaml").write_text("archcalc: 1\nimport: blocks.yaml\ninput: [3]\nlayers: b\n")
    assert list(read_document(read_source(str(tmp_path / "net.yaml"))).library.blocks) == ["b"]


# --- files --------------------------------------------------------------------------------------------------------


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbfarchcalc: 1\r\ninput: [3]\r\nlayers:\r\n  - relu\r\n")
    document = read_document(read_source(str(path)))
    (step,) = document.layers
    assert isinstance(step, Step)
    assert (step.where.line, step.where.column, step.where.length) == (3, 4, 4)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"a: \xff\xfe", "AC002"),
        (b"PK\x03\x04\0\0", "AC002"),
        (b"a: 1 #" + b"x" * (1 << 20), "AC004"),
        (b"", "AC003"),
        (b"\xef\xbb\xbf", "AC003"),
        (b"# nothing\n---\n", "AC003"),
    ],
)
def test_files_that_are_no_specs(tmp_path: Path, data: bytes, code: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(data)
    with pytest.raises(SpecError) as caught:
        read_document(read_source(str(path)))
    assert codes(caught) == [code]


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "resnet.yaml").write_text("x")
    for path, help in [
        ("resnet.yml", "did you mean 'resnet.yaml'?"),
        ("", "name a file in this directory"),
        ("a\0b", ""),
    ]:
        with pytest.raises(SpecError) as caught:
            read_source(str(tmp_path / path))
        assert codes(caught) == ["AC001"]
        assert caught.value.diagnostics[0].help == help


# --- one line -----------------------------------------------------------------------------------------------------


def test_one_line_is_the_same_network_as_a_file() -> None:
    line = one_liner("input(3, 32, 32) -> conv(5, 32, p2) -> relu; fc(10) if 1 > 0")
    file = read("archcalc: 1\ninput: [3, 32, 32]\nlayers:\n  - prev -> conv(5, 32, p2) -> relu\n  - fc(10) if 1 > 0\n")
    assert line.layers == file.layers[1:]
    assert dims(line) == dims(file)


def test_statements_end_with_lines_unless_they_go_on() -> None:
    text = "input(3)\n -> fc(\n  10)\n\nrelu ->\n tanh\nfc(3);;"
    targets = [step.call.target.text for step in one_liner(text).layers if isinstance(step, Step)]
    assert targets == ["fc", "relu", "tanh", "fc"]
    assert [step.where.line for step in one_liner(text).layers] == [1, 4, 5, 6]


def test_several_inputs_have_names() -> None:
    document = one_liner("a = input(3, H) -> relu; b = input(16, dtype=int64, vocab=9) -> tanh", settings={"H": "4"})
    assert [(each.name, each.dtype) for each in document.inputs] == [("a", "float32"), ("b", "int64")]
    assert params(document) == {"H": 4}
    targets = [(step.call.target.text, step.leads) for step in document.layers if isinstance(step, Step)]
    assert targets == [("relu", False), ("b", True), ("tanh", False)]


# --- PyYAML, and PyYAML without its C part ------------------------------------------------------------------------


@pytest.mark.parametrize("loader", [yaml.CSafeLoader, yaml.SafeLoader])
def test_the_same_document_by_pyyaml(loader: type, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = repr(read(RESNET))
    read_by = []
    monkeypatch.setattr(reader, "events", lambda text: None)
    monkeypatch.setattr(full_yaml, "LOADER", loader)
    monkeypatch.setattr(full_yaml, "check", lambda event, source: read_by.append(loader))
    reader.parsed.cache_clear()
    assert repr(read(RESNET)) == plain
    assert read_by


def test_expressions_span_lines_of_the_file() -> None:
    text = "a +\n   b"
    with pytest.raises(SpecError) as caught:
        parse_expression(text, here(text)).evaluate({"a": 1})
    place = caught.value.diagnostics[0].location
    assert place
    assert (place.line, place.column, place.length) == (1, 3, 1)
