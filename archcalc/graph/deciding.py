"""What expressions decide about a chain: which way it goes, and how often a step is taken."""

from archcalc.core.diagnostic import problem
from archcalc.core.dim import Dim
from archcalc.graph.binding import Kind, dimension, read, shown
from archcalc.graph.declarations import WORDS
from archcalc.graph.frame import Frame, Named
from archcalc.record import replace
from archcalc.spec.chain import Body, Choice
from archcalc.spec.expression import Expression
from archcalc.spec.value import Truth

COMPARE = "write a comparison: n > 1"


def chosen(choice: Choice, frame: Frame, truth: Truth) -> Body:
    """The side of a choice that is taken. `truth` decides what free symbols leave open."""
    holds = choice.condition.evaluate(frame.scope, WORDS, truth)
    if not isinstance(holds, bool):
        raise problem(
            "AC126", f"a condition must be true or false, got {shown(holds)}", choice.condition.where, help=COMPARE
        )
    taken, left = (choice.then, choice.otherwise) if holds else (choice.otherwise, choice.then)
    frame.left_out.append(left)
    return taken


def guarded(frame: Frame) -> Frame:
    """The same frame under a condition, which can end a recursion."""
    return frame if frame.guarded else replace(frame, guarded=True)


def times(repeat: Expression, frame: Frame, truth: Truth) -> Dim:
    """How many copies a repeat asks for."""
    found = repeat.evaluate(frame.scope, WORDS)
    if isinstance(found, Named):
        message = f"{repeat.where.text} is a layer, and a repeat is a whole number"
        raise problem("AC124", message, repeat.where, help="write mul: [a, b] for the product of two layers")
    count: Dim = read("a repeat", repeat, Kind(dimension), frame.scope)
    enough = count >= 0
    if not (enough if isinstance(enough, bool) else truth(enough, repeat.where)):
        raise problem("AC127", f"a repeat must be 0 or more, got {count}", repeat.where)
    return count
