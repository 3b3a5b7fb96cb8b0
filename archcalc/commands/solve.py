"""`archcalc solve`: the sizes that fit, and the largest batch or width within a budget."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import archcalc.measures  # noqa: F401  every file in it registers itself
from archcalc.closed_forms.budget import budgets
from archcalc.closed_forms.feasibility import Reason, feasible, lossless
from archcalc.closed_forms.resizing import dropped, lossless_values, reshaped
from archcalc.closed_forms.solve import Answer, answer
from archcalc.command import PROBLEMS, room_of, write_output
from archcalc.core.render import fitted
from archcalc.graph.declarations import free_names, symbol_name
from archcalc.graph.freeing import with_free
from archcalc.graph.graph import Condition, Graph
from archcalc.graph.loading import documents_of
from archcalc.measure import MEASURES
from archcalc.measures.receptive_field import FIELD
from archcalc.memory.training_setup import setup_of_options
from archcalc.record import record
from archcalc.spec.declaration import Document
from archcalc.sym.decide import Undecided, reach
from archcalc.sym.periodic import PeriodicSet
from archcalc.usage.declared import INPUT, Range, Refused, UsageError, called, option
from archcalc.usage.options import format_option, output_option, overrides_of, spec_options, training_options

AXIS_WORDS = {"H": "row", "W": "column", "D": "frame"}
"""What lies along an axis, by the last letter of its symbol."""

SHOWN = 6
"""Values to show of an infinite set."""


@record
class Asked:
    """A question about one network, and its answer."""

    graph: Graph
    answer: Answer
    reasons: Sequence[Reason]
    near: int | None


EXAMPLES = (
    "archcalc solve resnet50 --for H --near 230",
    "archcalc solve resnet50 --for N --where 'training_peak <= 24GiB'",
)


@called("solve", EXAMPLES)
@option(
    "--for",
    "symbol",
    required=True,
    metavar="NAME",
    completes="parameters of spec",
    help="A size (H, W, T), the batch size N, or a parameter.",
    group=INPUT,
)
@option(
    "--where", "where", multiple=True, metavar="CONDITION", help="A budget: 'params <= 5M and macs <= 4G'.", group=INPUT
)
@spec_options
@output_option
@training_options
@option("--lossless", "no_loss", is_flag=True, help="Only sizes at which no window drops rows or columns.", group=INPUT)
@option("--near", type=Range(1), help="Also print the nearest values to this one.")
@option("--most", type=Range(1), help="The largest value to consider.", group=INPUT)
@option("--multiple-of", "step", type=Range(1), help="Only multiples of this.", group=INPUT)
@format_option("text", "json")
def command(specs: Sequence[str], expressions: Sequence[str], **options: Any) -> int:
    """Find the values of a size, the batch size or a parameter that fit a network and a budget.

    Prints the largest such value (the smallest, if there is no largest) and the next one that fails. Budgets use the
    quantities of `report` (params, macs, output_bytes ...). Numbers can have suffixes: k M G T, kB MB GB, KiB MiB GiB.
    Exits with 1 if no value fits.
    """
    if condition := next((spec for spec in specs if "<" in spec or ">" in spec), None):
        raise UsageError(f"'{condition}' is not a spec; give a condition with --where '{condition}'")
    overrides = overrides_of(specs, expressions, options)
    found = []
    for document in documents_of(specs, expressions, overrides):
        try:
            found.append(asked(document, options))
        except Undecided as undecided:
            raise Refused(f"{document.name}: cannot be decided: {undecided}") from None
    if options["form"] == "json":
        records = [as_json(each) for each in found]
        text = json.dumps(records[0] if len(records) == 1 else records, indent=1, ensure_ascii=False) + "\n"
    else:
        text = fitted("\n".join("\n".join(as_text(each)) + "\n" for each in found), room_of(options["output"]))
    write_output(text, options["output"])
    return 0 if all(each.answer.best is not None for each in found) else PROBLEMS


def asked(document: Document, options: dict[str, Any]) -> Asked:
    graph = with_free(document, [options["symbol"]], batch=options["batch"], dtype=options["dtype"])
    symbol = symbol_asked(document, graph, options["symbol"])
    limits = PeriodicSet.modulo(options["step"] or 1, [0], 1, options["most"])
    asked_for = budgets(options["where"], graph, setup_of_options(options), limits)
    found = answer(graph, symbol, asked_for, within=limits, no_loss=options["no_loss"])
    reasons = feasible(graph, lossless(graph) if options["no_loss"] else ()).reasons[symbol]
    return Asked(graph, found, reasons, options["near"])


def symbol_asked(document: Document, graph: Graph, name: str) -> str:
    """The symbol that a name means: a parameter's, or that of an axis, which may be called after its input."""
    if (symbol := symbol_name(name)) in graph.symbols:
        return symbol
    found = [each for each in graph.symbols if each not in free_names(document)]
    if len(found) == 1:
        return found[0]
    if f"{name}_0" in found:
        raise UsageError(f"--for {name}: this is a list; name an entry: {name}[0]")
    raise UsageError(f"--for {name}: it stands for {' and '.join(found)}: name one of them")


# --- text ------------------------------------------------------------------------------------------------------------


def as_text(asked: Asked) -> Iterator[str]:
    yield asked.graph.name
    yield from asked.graph.following
    yield from answered(asked.answer)
    yield from why(asked)
    if asked.near is not None:
        yield from nearest(asked.answer, asked.near, asked.graph)


def answered(made: Answer) -> Iterator[str]:
    yield from best_of(made)
    if made.decided is not None:
        upto = f"{made.symbol} = {made.decided:,}"
        yield f"this is decided up to {upto}: memory has no form for all larger ones; give a number to ask about one"
    for each in made.repeating:
        yield f"not answered: {each.named(made.symbol)}"


def best_of(made: Answer) -> Iterator[str]:
    symbol = made.symbol
    if made.budgets and made.fits and all(budget.is_constant for budget in made.budgets):
        kept = f"every {symbol} that fits is" if made.allowed else f"no value of {symbol} is"
        shown = costs(made, int(reach(made.fits)[0]))
        yield f"{kept} within the budget, which does not depend on {symbol}{shown}"
        return
    if made.best is None:
        yield f"no value of {symbol} {'meets the budget' if made.fits else 'fits'}"
    elif made.budgets and made.decided is not None and made.fails is None:
        yield f"every {symbol} up to {made.decided:,} that fits is within the budget"
        yield f"{symbol} = {made.best:,}{costs(made, made.best)}"
    elif made.budgets and made.greatest:
        yield f"{symbol} = {made.best:,}{costs(made, made.best)}"
    else:
        yield in_words(made.allowed, symbol)
        if made.fails is not None:
            yield f"{symbol} = {made.best:,}{costs(made, made.best)}"
    if made.budgets and made.fails is not None:
        yield f"{symbol} = {made.fails:,}{costs(made, made.fails)}: {'too much' if made.greatest else 'not enough'}"


def in_words(allowed: PeriodicSet, symbol: str) -> str:
    """A set and its first members."""
    words = allowed.named(symbol)
    members = allowed.first(SHOWN)
    if words == "always":
        return f"every {symbol} fits"
    return f"{words}: {', '.join(f'{n:,}' for n in members)}{' ...' if len(members) == SHOWN else ''}"


def costs(made: Answer, value: int) -> str:
    found = [f"{amount:,} {unit_of(name)}" for name, amount in made.costs(value).items()]
    return f": {', '.join(found)}" if found else ""


def unit_of(name: str) -> str:
    if name == FIELD:
        return "elements of receptive field"
    if name not in MEASURES:
        return f"bytes of {name.replace('_bytes', '').replace('_', ' ')}"
    measure = MEASURES[name]
    return f"bytes of {measure.noun}" if measure.unit == "byte" else measure.noun


def why(asked: Asked) -> Iterator[str]:
    """How each budget was solved, and the conditions that the layers impose."""
    made = asked.answer
    rows = [(budget.text, how) for budget, how in zip(made.budgets, made.how, strict=True)]
    rows += [(each.allowed.named(made.symbol), said(each, asked.graph)) for each in asked.reasons]
    widest = max((len(left) for left, _ in rows), default=0)
    yield from (f"  {left:{widest}}  {right}" for left, right in rows)


def said(reason: Reason, graph: Graph) -> str:
    """`up1.concat1 (concat of e4, up1.upconv1): condition`."""
    node = graph.by_name.get(reason.condition.node)
    if node is None:
        return f"{reason.condition.node}: {in_short(reason.condition)}"
    joined = f" of {', '.join(node.sources)}" if len(node.sources) > 1 else ""
    return f"{node.name} ({node.layer.name}{joined}): {in_short(reason.condition)}"


def in_short(condition: Condition) -> str:
    """A condition without its arithmetic."""
    return condition.message.partition(": ")[0]


def nearest(made: Answer, value: int, graph: Graph) -> Iterator[str]:
    """Whether a value fits, and without loss; otherwise the nearest values that do. Says where weights change."""
    if value not in made.allowed:
        around = neighbours(made.allowed, value)
        why = "is not answered" if any(value in each.sizes for each in made.repeating) else "does not fit"
        yield f"{value:,} {why}; nearest: {', '.join(f'{n:,}' for n in around) or 'none'}"
    else:
        around = () if value in lossless_within(made, graph) else neighbours(lossless_within(made, graph), value)
        lost = [in_words_of_axis(*each, made.symbol) for each in dropped(graph, made.symbol, value)][:1]
        yield ", but ".join([f"{value:,} fits", *lost])
        if around:
            yield f"nothing is dropped at {' and '.join(f'{n:,}' for n in around)}"
    for each in (value, *around):
        if each in made.allowed:
            yield from other_weights(graph, made.symbol, each)


def in_words_of_axis(layer: str, count: int, symbol: str) -> str:
    """`patches drops the last 6 rows`."""
    word = AXIS_WORDS.get(symbol[-1], "element")
    return f"{layer} drops the last {word}" if count == 1 else f"{layer} drops the last {count:,} {word}s"


def neighbours(allowed: PeriodicSet, value: int) -> tuple[int, ...]:
    return tuple(n for n in (allowed.prev(value), allowed.next(value)) if n is not None)


def lossless_within(made: Answer, graph: Graph) -> PeriodicSet:
    return made.allowed & lossless_values(graph, made.symbol)


def other_weights(graph: Graph, symbol: str, value: int) -> Iterator[str]:
    """`at 240 patches.weight is [1, 211, 768] instead of [1, 197, 768]: trained weights do not fit`."""
    found = list(reshaped(graph, symbol, value))
    if found:
        first, more = found[0], len(found) - 1
        also = f", and so do {more:,} more weights" if more > 1 else ", and so does 1 more weight" if more else ""
        yield (
            f"{value:,} is another network than {graph.symbols[symbol].own:,}: {first.weight} changes from "
            f"{list(first.before)} to {list(first.after)}{also}"
        )


# --- JSON ------------------------------------------------------------------------------------------------------------


def as_json(asked: Asked) -> dict[str, Any]:
    made = asked.answer
    near = {} if asked.near is None else {"near": [made.allowed.prev(asked.near), made.allowed.next(asked.near)]}
    return {
        "name": asked.graph.name,
        "spec": asked.graph.spec,
        "symbol": made.symbol,
        "best": made.best,
        "is": "greatest" if made.greatest else "least",
        "costs": {} if made.best is None else made.costs(made.best),
        "next_that_fails": made.fails,
        "decided_up_to": made.decided,
        "repeating": [{"values": each.sizes.named(made.symbol), "layer": each.node} for each in made.repeating],
        "fits": made.fits.named(made.symbol),
        "allowed": made.allowed.named(made.symbol),
        "first": made.allowed.first(SHOWN),
        "budgets": [{"text": b.text, "how": how} for b, how in zip(made.budgets, made.how, strict=True)],
        "conditions": [
            {"layer": each.condition.node, "allows": each.allowed.named(made.symbol), "says": each.condition.message}
            for each in asked.reasons
        ],
        "following": {name: list(others) for name, others in asked.graph.followers.items()},
        "inputs": {each.name: list(map(str, each.volume.item_shape)) for each in asked.graph.inputs},
        **near,
    }
