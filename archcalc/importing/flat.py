"""Steps as a spec: one line per layer, in the order in which the code ran them."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from archcalc.graph.several import INDEX
from archcalc.importing.lowering.lower import Lowered
from archcalc.importing.lowering.sized import sized
from archcalc.importing.lowering.step import Step, stated, together
from archcalc.layer import PRESETS, Layer, PatternOfAxes, Reference, Sizes, known_names, layer_named
from archcalc.record import record
from archcalc.spec.value import MAX_INTEGER

RESERVED = frozenset(("input", "prev", "x", "if", "else", "and", "or", "not", "true", "false", "none", "for", "in"))
"""Words of the spec language, which no layer can have for a name."""


@record
class Heading:
    """What stands before the layers: the name, comments on where it came from, and the totals that are expected."""

    name: str
    source: str = ""
    about: Sequence[str] = ()
    expect: Mapping[str, int] | None = None
    vocabularies: Mapping[str, int] | None = None


def flat_spec(lowered: Lowered, heading: Heading) -> str:
    """The text of a spec that gives these steps. It names the steps, so that they can be found by their names."""
    give_names(lowered)
    lines = [*heading_lines(heading, lowered), "layers:"]
    before: Step | None = lowered.inputs[0] if lowered.inputs else None
    groups = together(lowered.steps)
    inputs = [(each.name, each) for each in lowered.inputs]
    for step in lowered.steps:
        group = groups.get(step, (step,))
        if step is group[0]:
            in_sizes = sized(step, [*((each.name, each) for each in step.sources), *inputs]) if step.others else {}
            lines += step_lines(step, before, [each.name for each in group], in_sizes)
        before = step if len(group) == 1 else None
    if tuple(lowered.outputs) != (before,):
        lines.append(f"outputs: [{', '.join(each.name for each in lowered.outputs)}]")
    return "\n".join(lines) + "\n"


def heading_lines(heading: Heading, lowered: Lowered) -> Iterator[str]:
    yield from (f"# {line}" for line in heading.about)
    yield "archcalc: 1"
    yield f"name: {heading.name}"
    if heading.source:
        yield f"source: {quoted(heading.source)}"
    yield f"input: {inputs_text(lowered.inputs, heading.vocabularies or {})}"
    expect = {key: n for key, n in (heading.expect or {}).items() if n <= MAX_INTEGER}
    if expect:
        yield f"expect: {{{', '.join(f'{key}: {n:_}' for key, n in expect.items())}}}"


def quoted(text: str) -> str:
    """A text as YAML reads it back."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def inputs_text(inputs: Sequence[Step], vocabularies: Mapping[str, int]) -> str:
    if len(inputs) == 1 and is_plain(inputs[0]):
        return str(inputs[0].volume)
    return "{" + ", ".join(f"{each.name}: {input_text(each, vocabularies)}" for each in inputs) + "}"


def is_plain(each: Step) -> bool:
    return each.volume.is_floating and not each.volume.channels_last


def input_text(each: Step, vocabularies: Mapping[str, int]) -> str:
    volume = each.volume
    if is_plain(each):
        return str(volume)
    keys = [f"shape: {volume}"]
    if volume.is_ids:
        keys += [f"dtype: {volume.dtype}", f"vocab: {vocabularies.get(each.name, 2)}"]
    else:
        keys.append("channels_last: true")
    return "{" + ", ".join(keys) + "}"


# --- steps --------------------------------------------------------------------------------------------------------


def give_names(lowered: Lowered) -> None:
    """A name for every step: of its weights, else of the module that ran it and its layer."""
    used: Counter[str] = Counter()
    taken = {*known_names(), *RESERVED}
    for step in (*lowered.inputs, *lowered.steps):
        base = identifier(step.name) if step.layer is None else name_of(step)
        name = base
        while name in taken or name in used:
            used[base] += 1
            name = f"{base}_{used[base]}"
        used[name] += 0
        step.name = name
    if len(lowered.inputs) == 1 and is_plain(lowered.inputs[0]):
        lowered.inputs[0].name = "input"


def name_of(step: Step) -> str:
    if step.path and step.again is None:
        return identifier(step.path)
    word = step.function.strip("_") if step.kind == "opaque" else step.kind
    if not step.module:
        return identifier(word)
    return identifier(step.module if step.module.endswith(word) else f"{step.module}.{word}")


def identifier(path: str) -> str:
    """A path as a name.

    >>> identifier("layer1.0.conv1"), identifier("0.weight")
    ('layer1_0_conv1', 'm0_weight')
    """
    word = re.sub(r"\W+", "_", path).strip("_") or "value"
    return f"m{word}" if word[0].isdigit() else word


def step_lines(step: Step, before: Step | None, names: Sequence[str], in_sizes: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a step, or of an operation with several outputs, of which it is the first. `in_sizes`: arguments as
    expressions in sizes of earlier layers."""
    assert step.layer is not None
    if step.layer.inputs[1] != 1 and len(step.joined) > 1:
        yield f"  - {step.kind}: [{', '.join(each.name for each in step.joined)}]"
        yield from (f"    {key}: {text}" for key, text in arguments_of(step, in_sizes).items())
        yield f"    name: {step.name}"
        return
    first = next(iter(step.sources), before)
    origin = "" if first is None or first is before else f"{first.name} -> "
    yield f"  - {origin}{', '.join(names)} = {call_text(step, len(names) > 1, in_sizes)}"


def call_text(step: Step, whole: bool, in_sizes: Mapping[str, Any]) -> str:
    """The call of a step: `conv(3, 64, padding=1)`, or `conv1()` for one that runs again. `whole`: of all outputs of
    its operation."""
    assert step.layer is not None
    if step.again is not None:
        return f"{step.again.name}()"
    given = arguments_of(step, in_sizes)
    if whole:
        del given[INDEX]
    kind = preset_of(step.kind, step.layer.stated())
    for name in PRESETS.get(kind, ()):
        given.pop(name)
    parts = []
    for name in step.layer.positional:
        if name not in given:
            break
        parts.append(given.pop(name))
    parts += [f"{name}={text}" for name, text in given.items()]
    return f"{kind}({', '.join(parts)})" if parts else kind


def preset_of(kind: str, given: Mapping[str, Any]) -> str:
    """The name that sets arguments as a call has them: `fc` for a linear layer that flattens."""
    layer = layer_named(kind)
    for name, fixed in layer.presets.items() if layer is not None else ():
        if all(given.get(key) is value for key, value in fixed.items()):
            return name
    return kind


def arguments_of(step: Step, in_sizes: Mapping[str, Any]) -> dict[str, str]:
    """The arguments of a step's call as text, without those that have their defaults."""
    assert step.layer is not None
    given = {**stated(step.layer), **in_sizes}
    if step.tied is not None:
        given |= dict.fromkeys(step.layer.ties, Reference(step.tied.name))
    others = iter(step.named)
    for key in step.layer.reads:
        value = getattr(step.layer, key)
        if isinstance(value, tuple):
            given[key] = tuple(Reference(next(others).name) for _ in value)
        elif value is not None:
            given[key] = Reference(next(others).name)
    if step.frozen:
        given["freeze"] = True
    return {key: written(value) for key, value in given.items() if value != ()}


def written(value: Any) -> str:
    """An argument as a spec writes it.

    >>> written(True), written((3, 3)), written(0.1), written(1e-06), written("same")
    ('true', '[3, 3]', '0.1', '1e-06', 'same')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, PatternOfAxes):
        return f'"{value}"'
    if isinstance(value, Sizes) and len(value) == 1:
        return written(value[0])
    if isinstance(value, tuple):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return "none" if value is None else str(value)


def layer_of(step: Step) -> Layer:
    assert step.layer is not None
    return step.layer
