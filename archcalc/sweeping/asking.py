"""Asking: from names, texts and Python values to a question, and from there to its result."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from archcalc.core.overrides import Overrides
from archcalc.graph.given import Network, document_given, loaded
from archcalc.graph.loading import document_of
from archcalc.memory.training_setup import DEFAULT_SETUP, TrainingSetup
from archcalc.record import replace
from archcalc.spec.declaration import Document
from archcalc.spec.setting import can_be_set
from archcalc.sweeping.network import VARIANT
from archcalc.sweeping.question import (
    COUNT,
    FRONT,
    ROWS,
    TOP,
    Objective,
    Parsed,
    Question,
    arranged,
    conditions,
    parsed,
)
from archcalc.sweeping.run import Engine, Here, Pool, Run, cores
from archcalc.sweeping.space import Axis, Space, axis_given, split, table_given, wrong
from archcalc.sweeping.sweep import Sweep

DEFAULT_COLUMNS = ("params", "macs")
"""What a sweep shows where nothing else is named."""


def objectives_of(minimise: Sequence[str], maximise: Sequence[str]) -> tuple[Objective, ...]:
    """The objectives, each text with one or several separated by commas."""
    return (
        *(Objective(parsed(text, "--min"), 1) for text in listed(minimise)),
        *(Objective(parsed(text, "--max"), -1) for text in listed(maximise)),
    )


def listed(texts: Sequence[str] | str) -> list[str]:
    """The parts of texts that commas separate outside brackets."""
    given = [texts] if isinstance(texts, str) else texts
    return [part.strip() for text in given for part in split(text, ",") if part.strip()]


def wanted_of(objectives: Sequence[Objective], pareto: bool, top: int | None, count: bool) -> str:
    """What is wanted: what was asked for, otherwise the best by one objective, the front of several, or all designs."""
    if count:
        return COUNT
    if pareto or (len(objectives) > 1 and top is None):
        return FRONT
    return TOP if objectives else ROWS


def documents_for(axes: Iterable[Axis], read: Callable[[str], Document]) -> dict[str, Document]:
    """The spec, and its variants where an axis selects them; `read` reads one by its name, "" as given."""
    names = {str(value) for axis in axes for value in axis.columns.get(VARIANT, ())}
    document = read("")
    if names and can_be_set(VARIANT, document.library):  # a parameter of the spec has that name
        names = set()
    return {"": document, **{name: read(name) for name in sorted(names)}}


def sweep(
    network: Network,
    over: Mapping[str, Any] | None = None,
    *,
    choose: Mapping[str, Any] | None = None,
    designs: Iterable[Mapping[str, object]] | None = None,
    where: str | Sequence[str] = (),
    minimise: str | Sequence[str] = (),
    maximise: str | Sequence[str] = (),
    wanted: str = "",
    top: int | None = None,
    columns: str | Sequence[str] = (),
    histogram: str | None = None,
    settings: Mapping[str, str] | None = None,
    setup: TrainingSetup = DEFAULT_SETUP,
    batch: int = 1,
    dtype: str = "float32",
    jobs: int = 1,
) -> Sweep:
    """Evaluates a space of designs by closed forms, and keeps the best of them, or all that meet conditions.

    `over`: values by name: a range, a list or a text (`"16..128:8"`); names joined by `=` have the same value
    (`"H=W"`). `choose`: settings that change the structure. `designs`: designs listed one by one. `where`: conditions.
    `minimise`, `maximise`: quantities, or expressions of them. `wanted`: `front` (the default for several objectives),
    `top` (for one), `rows` (for none) or `count`. `top`: how many. `jobs`: processes; 0 uses all cores.

    Raises SpecError for whatever cannot be read, and for a spec that cannot be built.

    >>> sweep("lenet5", {"H=W": "28..64:4"}, where="macs <= 1M", maximise="H").rows()
    [{'H': 36, 'W': 36, 'macs': 732360}]
    """
    axes = axes_given(over or {}, choose or {}, designs)
    found = objectives_of(listed(minimise), listed(maximise))
    others = {"wanted": wanted or wanted_of(found, False, top, False), "top": top or 1, "setup": setup}
    others |= {"batch": batch, "dtype": dtype, "spec": spec_of(network), **in_words(settings or {}, histogram)}
    documents = documents_for(axes, partial(variant_of, network, Overrides(settings=settings or {})))
    further = [parsed(text, "--columns") for text in listed(columns)]
    run = Run(question_of(documents, axes, conditions(texts_of(where)), found, further, **others))
    run.go(engine_of(run.question, jobs or cores()))
    return Sweep(run.question, run.part, run.done)


def in_words(settings: Mapping[str, str], histogram: str | None) -> dict[str, Any]:
    """The options of the command that reports a design, and what a histogram counts."""
    options = tuple(f"--set {name}={value}" for name, value in settings.items())
    return {"options": options, "histogram": parsed(histogram, "--histogram") if histogram else None}


def texts_of(where: str | Sequence[str]) -> list[str]:
    """Conditions as a list of texts, without empty ones."""
    return [each for each in ([where] if isinstance(where, str) else where) if each]


def axes_given(
    over: Mapping[str, Any], choose: Mapping[str, Any], designs: Iterable[Mapping[str, object]] | None
) -> list[Axis]:
    """The axes that Python values describe."""
    axes = [axis_given(name, values) for name, values in over.items()]
    axes += [axis_given(name, values, "--choose") for name, values in choose.items()]
    return axes + ([table_given(designs)] if designs is not None else [])


def spec_of(network: Network) -> str:
    """What a command line would call a network."""
    return str(network) if isinstance(network, str | Path) else loaded(network).spec


def variant_of(spec: Network, overrides: Overrides, variant: str) -> Document:
    """The document of a spec, or of its variant of that name; of a graph, what it was built from."""
    if not isinstance(spec, str | Path):
        if variant or overrides.settings:
            raise ValueError("a graph has its settings and its variant already: name the spec in its place")
        return document_given(spec)
    return document_of(f"{spec}@{variant}" if variant else str(spec), overrides)


def question_of(
    documents: Mapping[str, Document],
    axes: Sequence[Axis],
    where: Iterable[Parsed],
    objectives: Sequence[Objective],
    columns: Sequence[Parsed],
    **others: Any,
) -> Question:
    """The question, checked and arranged. Raises SpecError."""
    if not axes:
        raise wrong("a sweep needs at least one axis", "", help="name one with --over 'w=16..128:8'")
    question = Question(documents, Space(tuple(axes)), tuple(where), tuple(objectives), tuple(columns), **others)
    if not question.quantities and not question.shown and question.wanted != COUNT:
        question = replace(question, columns=tuple(parsed(name, "--columns") for name in DEFAULT_COLUMNS))
    return arranged(question)


def engine_of(question: Question, jobs: int) -> Engine:
    """What evaluates a question with so many processes."""
    return Here(question) if jobs < 2 else Pool(question, jobs)
