"""A network that was read from elsewhere: its program becomes a spec, and the spec its graph. Free of any framework."""

from collections.abc import Sequence
from functools import cached_property
from html import escape

from archcalc.core.diagnostic import Diagnostic
from archcalc.core.location import Source
from archcalc.core.render import render_all
from archcalc.core.volume import INTEGERS
from archcalc.graph.graph import Graph
from archcalc.graph.loading import gc_paused, load_text
from archcalc.importing.flat import Heading, flat_spec
from archcalc.importing.lowering.lower import Lowered, lowered
from archcalc.importing.lowering.samples import batch_axis
from archcalc.importing.program import ONE, Operation, Program
from archcalc.importing.readable.paths import NotReadable
from archcalc.importing.readable.writing import readable_spec
from archcalc.lint.expectation import failures
from archcalc.record import record, replace
from archcalc.report.formats.table import View, table
from archcalc.report.report import Report, report_of
from archcalc.spec.document import read_document

NO_PRODUCTS = frozenset((
    "add", "add_", "__add__", "__iadd__", "__radd__", "cat", "mul", "mul_", "__mul__", "batch_norm", "layer_norm",
    "group_norm", "rms_norm", "prelu", "stack", "where", "sub", "div", "__setitem__", "__getitem__", "embedding",
))  # fmt: skip
"""Functions of several tensors of which torch counts no MACs."""


ASKED = "one line per layer was asked for"

NEVER = "never used in evaluation"


@record(slots=False)
class Imported:
    """A network that was read from code.

    `spec`: the text of its spec; `flat`: with one line per layer, under the names of the code. `why_flat`: why `spec`
    is that text, too; empty if it has blocks. `findings`: what is not exact or not used, each with its place.
    `program`: what ran. `heading`: what stands before the layers. `sizes`: whether the spec holds at other sizes; empty
    if they were not tried.
    """

    name: str
    spec: str
    findings: tuple[Diagnostic, ...]
    program: Program
    lowered: Lowered
    flat: str
    heading: Heading
    why_flat: str = ""
    sizes: str = ""

    @cached_property
    def graph(self) -> Graph:
        """The layer graph that the spec gives."""
        return load_text(self.spec, name=f"<{self.name}>")

    @cached_property
    def report(self) -> Report:
        return report_of(self.graph)

    @cached_property
    def differences(self) -> tuple[Diagnostic, ...]:
        """Where the totals of the graph are not those that torch counts; empty if they agree."""
        document = read_document(Source(f"<{self.name}>", self.spec))
        return tuple(failures(self.graph, document))

    @property
    def summary(self) -> str:
        """`Net: 41 calls became 38 layers; 11,689,512 parameters and 1,814,073,344 MACs, as torch counts them`."""
        calls = sum(any(each.varies for each in operation.makes) for operation in self.program.operations)
        counted = totals(self.program)
        agree = "as torch counts them" if not self.differences else "which is not what torch counts"
        return (
            f"{self.name}: {calls:,} calls became {len(self.graph.nodes):,} layers in {self.lines:,} lines; "
            f"{counted['params']:,} parameters and {counted['macs']:,} MACs, {agree}"
        )

    @property
    def lines(self) -> int:
        """The lines of its spec, without comments."""
        return sum(not line.startswith("#") for line in self.spec.splitlines())

    def __repr__(self) -> str:
        """The layer table, as text."""
        return table(self.report, View())

    def _repr_html_(self) -> str:
        """What notebooks show: the layer table, whose blocks open, and what is not exact."""
        said = f"<pre>{escape(render_all(self.findings))}</pre>" if self.findings else ""
        return f"{self.report._repr_html_()}{said}"


def network_of(program: Program, source: str = "", about: Sequence[str] = (), blocks: bool = True) -> Imported:
    """The network that a program describes. `source`: what the spec says about where it is from; `about`: comments on
    that. `blocks`: whether to look for blocks. Raises SpecError if the samples of a batch meet."""
    steps = lowered(program)
    idle, outside = idle_finding(program), unregistered_finding(program)
    lines = [*about, *([f"not in this spec: {idle.message}"] if idle else [])]
    if not program.trains:
        lines.append("all weights of the code are frozen, which this spec does not say")
    heading = Heading(program.name, source, lines, totals(program), vocabularies(program))
    findings = (*grouped(steps.findings), *(each for each in (idle, outside) if each))
    with gc_paused():
        flat = flat_spec(steps, heading)
        text, why = with_blocks(program, steps, heading, flat) if blocks else (flat, ASKED)
    return Imported(program.name, text, findings, program, steps, flat, heading, why)


def written_anew(found: Imported) -> Imported:
    """An import whose steps know what they are at other sizes, with arguments that follow them."""
    with gc_paused():
        flat = flat_spec(found.lowered, found.heading)
        if found.why_flat:
            return replace(found, flat=flat, spec=flat_spec(found.lowered, because(found.heading, found.why_flat)))
        text, why = with_blocks(found.program, found.lowered, found.heading, flat)
    return replace(found, flat=flat, spec=text, why_flat=why)


def with_blocks(program: Program, steps: Lowered, heading: Heading, flat: str) -> tuple[str, str]:
    """The readable text; or the flat one, which says so, and why there is no other."""
    try:
        return readable_spec(steps, program.kinds, heading, load_text(flat)), ""
    except NotReadable as reason:
        return flat_spec(steps, because(heading, str(reason))), str(reason)


def because(heading: Heading, reason: str) -> Heading:
    """A heading that says why there are no blocks, where some were looked for."""
    if reason == ASKED:
        return heading
    return replace(heading, about=(*heading.about, f"one line per layer, because blocks were not found: {reason}"))


def totals(program: Program) -> dict[str, int]:
    """What torch counts: parameters that are used, and MACs of one sample."""
    idle = set(program.idle)
    params = sum(each.numel for name, each in program.stored.items() if not each.buffer and name not in idle)
    each, shared = 0, 0
    for operation in program.operations:
        macs = program.macs(operation) if may_multiply(operation) else 0
        if any(batch_axis(made, program.batch) is not None for made in operation.makes) and macs % program.batch == 0:
            each += macs // program.batch
        else:
            shared += macs
    return {"params": params, "macs": each + shared}


def may_multiply(operation: Operation) -> bool:
    """Whether an operation may be a product of tensors: it reads two, and is none of those that add or move."""
    return operation.function not in NO_PRODUCTS and len(operation.values) > 1


def vocabularies(program: Program) -> dict[str, int]:
    """The number of rows of the table that each input of integers chooses from."""
    found = {}
    for operation in program.operations:
        if operation.function in ("embedding", "embedding_bag") and len(operation.values) > 1:
            ids, table = operation.values[:2]
            if ids.name and ids.dtype in INTEGERS and table.shape:
                found[ids.name] = table.shape[0]
    return found


def grouped(findings: Sequence[Diagnostic]) -> list[Diagnostic]:
    """One finding for each line of code, with the number of calls there."""
    counts: dict[tuple[str, str], list[Diagnostic]] = {}
    for each in findings:
        counts.setdefault((str(each.location), each.message), []).append(each)
    return [
        replace(same[0], notes=(f"{len(same):,} calls at this line",)) if len(same) > 1 else same[0]
        for same in counts.values()
    ]


def idle_finding(program: Program) -> Diagnostic | None:
    """The weights that evaluation never reads, by the modules that hold them."""
    if not program.idle:
        return None
    total = sum(program.stored[name].numel for name in program.idle)
    homes = list(dict.fromkeys(name.partition(".")[0] for name in program.idle))
    listed = ", ".join(homes[:4]) + (f" and {len(homes) - 4} more" if len(homes) > 4 else "")
    return Diagnostic(
        code="AC511",
        severity="warning",
        message=f"{total:,} parameters of {listed} are {'not used in this run' if program.batch == ONE else NEVER}",
        help="they are not in the spec, and in none of its totals",
    )


def unregistered_finding(program: Program) -> Diagnostic | None:
    """The weights that no module of torch has, although the code reads them."""
    idle = set(program.idle)
    found = [name for name, each in program.stored.items() if not each.registered and name not in idle]
    if not found:
        return None
    total = sum(program.stored[name].numel for name in found)
    return Diagnostic(
        code="AC513",
        severity="warning",
        message=f"{total:,} parameters are in no module that torch knows: {', '.join(found[:4])}",
        help="model.parameters() leaves them out: hold them in nn.ModuleList or nn.ParameterList; the spec has them",
    )
