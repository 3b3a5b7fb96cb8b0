"""JSON: the contract of docs/json.md. Every number is an integer; a fraction is a string."""

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from archcalc.core.diagnostic import facts_of
from archcalc.core.location import Location
from archcalc.core.version import VERSION
from archcalc.core.volume import Volume
from archcalc.graph.calls import call_of, call_of_block
from archcalc.graph.graph import Graph, Input
from archcalc.layer import family_of
from archcalc.measures.receptive_field import Seen, widest
from archcalc.record import asdict
from archcalc.report.report import SAVED, Line, Report, Value, writes

if TYPE_CHECKING:
    from archcalc.memory.footprint import Footprint
    from archcalc.memory.transfer import Once

SCHEMA = 1

BY_LINE = ("blocks", "layers", "findings", "differences")

COUNTED = (
    "params", "trainable_params", "active_params", "buffers", "macs", "flops", "scalar", "operations",
    "kv_cache_bytes_per_token", "kv_cache_bytes",
)  # fmt: skip
"""The counts of every layer and of the totals."""

NOT_PREDICTED = None
"""The value for memory that was not requested or cannot be predicted; null is not zero."""


@writes("json", ".json", single=True, judges=True)
def to_json(report: Report) -> str:
    """One object: the network, its layers in order, its totals."""
    return written(document_of(report))


def document_of(report: Report) -> dict[str, Any]:
    """The object, as Python's lists and dictionaries."""
    graph = report.graph
    batch = graph.inputs[0].volume.batch
    return {
        "archcalc": VERSION,
        "schema": SCHEMA,
        "name": graph.name,
        "about": " ".join(graph.about.split()),
        "source": " ".join(graph.source.split()),
        "spec": graph.spec,
        "text": graph.text,
        "variant": graph.variant or None,
        "variants": list(graph.variants),
        "symbols": {"N": plain(batch), **{name: each.own for name, each in graph.symbols.items() if name != "N"}},
        "dtype": report.dtype,
        "convention": report.convention,
        "inputs": [given(each) for each in graph.inputs],
        "blocks": blocks(graph),
        "layers": [{"index": i, **layer(line, report)} for i, line in enumerate(report.lines)],
        "outputs": list(graph.outputs),
        **timeline(report.footprint),
        "totals": totals(report),
        "conditions": list(report.conditions),
        **({} if report.formulas is None else {"formulas": report.formulas}),
        "findings": None if report.findings is None else [facts_of(each) for each in report.findings],
    }


def written(document: dict[str, Any]) -> str:
    """One key per line, and one layer or finding per line: easy to read and to diff."""
    lines = (
        f" {compact(key)}: {by_line(value) if value and key in BY_LINE else compact(value)}"
        for key, value in document.items()
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"


def by_line(items: list[Any]) -> str:
    return "[\n" + ",\n".join(f"  {compact(item)}" for item in items) + "\n ]"


def compact(value: Any) -> str:
    import json  # lazy: 2 ms, and every report imports all formats

    return json.dumps(value, ensure_ascii=False)


def blocks(graph: Graph) -> list[dict[str, Any]]:
    """The blocks, outer ones first, each with its call."""
    return [{"name": each.prefix, "block": each.block, "call": call_of_block(each)} for each in graph.scopes.values()]


def layer(line: Line, report: Report) -> dict[str, Any]:
    """A layer: its numbers, and its place in the spec."""
    node = line.node
    assert node is not None
    assert line.output is not None
    return {
        "name": line.name,
        "block": line.name.rpartition(".")[0],
        "type": line.kind,
        "family": family_of(type(node.layer)),
        "call": call_of(node),
        "inputs": list(node.sources),
        "input_shapes": [[plain(n) for n in x.item_shape] for x in node.inputs],
        "output_shape": [plain(n) for n in line.output.item_shape],
        **axes(line.output),
        **{name: plain(line.values[name]) for name in COUNTED},
        "receptive_field": receptive_field(widest(line.seen)) if line.seen else None,
        **({"receptive_fields": [receptive_field(each) for each in line.seen]} if report.has_several_inputs else {}),
        **({"copies": plain(node.times)} if node.times != 1 else {}),
        "output_bytes": plain(line.values["output_bytes"]),
        "saved_bytes": line.values.get(SAVED, NOT_PREDICTED),
        **place(node.where, report.graph.spec),
    }


def given(each: Input) -> dict[str, Any]:
    """An input of the network."""
    return {"name": each.name, "shape": [plain(n) for n in each.volume.item_shape], **axes(each.volume)}


def axes(volume: Volume) -> dict[str, bool]:
    """Whether the channels are the last axis, whether no axis has a meaning, and whether there is no batch; nothing
    where that is not so."""
    facts = {"channels_last": volume.channels_last and volume.rank > 0 and not volume.plain}
    facts |= {"plain": volume.plain, "shared": volume.shared}
    return {name: holds for name, holds in facts.items() if holds}


def place(where: Location | None, spec: str) -> dict[str, Any]:
    """Where a layer stands: its line and column, and its file if that is not the spec's."""
    if where is None:
        return {"line": None, "column": None}
    elsewhere = {"file": where.source.name} if where.source.name != spec else {}
    return {"line": where.line + 1, "column": where.column + 1, **elsewhere}


def receptive_field(seen: Seen) -> dict[str, Any]:
    """The field in one input; if it is unknown, its numbers are null and `why` gives the reason."""
    fields = seen.fields
    if not fields:
        unknown: dict[str, Any] = dict.fromkeys(("size", "jump", "start", "global", "aligned"))
        return {"input": seen.input, **unknown, "why": seen.why}
    return {
        "input": seen.input,
        "size": [plain(each.size) for each in fields],
        "jump": [plain(each.jump) for each in fields],
        "start": [plain(each.start) for each in fields],
        "global": all(each.whole for each in fields),
        "aligned": all(each.aligned for each in fields),
        **({"at_most": seen.at_most} if seen.at_most else {}),
    }


def plain(number: Value | Fraction) -> int | str | None:
    """An integer unchanged; a fraction or a closed form as text."""
    if number is None or isinstance(number, int):
        return number
    return int(number) if isinstance(number, Fraction) and number.denominator == 1 else str(number)


def totals(report: Report) -> dict[str, Any]:
    return {
        **{name: plain(report.totals[name]) for name in COUNTED},
        "param_bytes": plain(report.totals["param_bytes"]),
        **memory(report.footprint),
    }


def timeline(found: "Footprint | None") -> dict[str, Any]:
    """The timeline of a training step, its tensors, and those alive at its peak; empty if not requested."""
    if found is None or found.timeline is None:
        return {}
    steps = [[each.phase, each.node, each.live] for each in found.timeline.steps]
    alive, tensors = found.timeline.alive, found.timeline.tensors
    return {"timeline": steps, "alive_at_peak": [list(each) for each in alive], "tensors": [list(t) for t in tensors]}


def computed_once(once: "Once | None") -> dict[str, Any]:
    """The frozen outputs that can be computed once; empty if nothing is frozen."""
    return {"computed_once": asdict(once)} if once else {}


def memory(found: "Footprint | None") -> dict[str, Any]:
    """The peaks and their parts; nulls if they are not predicted."""
    if found is None:
        return dict.fromkeys(("saved_bytes", "inference_peak_bytes", "training_peak_bytes"), NOT_PREDICTED)
    step = found.step
    optimizer: dict[str, Any] = (
        {}
        if step is None
        else {
            "optimizer": step.name,
            "optimizer_bytes": step.state,
            "iteration_peak_bytes": found.iteration,
            **({"iteration_peak_parts": dict(found.iteration_parts)} if found.timeline else {}),
        }
    )
    return {
        "rules": found.setup.rules,
        "machine": asdict(found.setup.runs_on) if found.setup.runs_on else None,
        "accumulate": found.setup.accumulate,
        "autocast": found.setup.autocast or None,
        "checkpointed": list(found.setup.checkpointed),
        "buffer_bytes": found.buffers,
        "grad_bytes": found.gradients,
        "saved_bytes": sum(found.saved.values()),
        "inference_peak_bytes": found.inference.live,
        "inference_peak_at": found.inference.node,
        "nested_inference_peak_bytes": found.nested.live,
        "training_peak_bytes": found.training.live,
        "training_peak_at": f"{found.training.phase} of {found.training.node}",
        **optimizer,
        **computed_once(found.once),
    }
