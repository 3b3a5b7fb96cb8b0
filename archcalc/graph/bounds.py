"""Limits on the expansion of a document: repeats multiply, and a few lines could stand for more than fits in memory."""

from collections.abc import Iterator

from archcalc.core.diagnostic import SpecError, problem
from archcalc.core.location import Location
from archcalc.graph.least_layers import LeastLayers
from archcalc.record import field, record
from archcalc.spec.chain import Choice, Each, Item, Merge
from archcalc.spec.declaration import Document
from archcalc.spec.expression import Expression, Meter, parts_of_loop, size_of

IDLE = 20_000
"""Steps that every expansion may take: less than a second."""

STEPS = 30
"""Further steps for each layer that the expansion has made: no bundled spec takes more than 7."""

FAILURE = 100
"""The steps that a problem counts for: composing its message costs as much."""


class GivenUp(Exception):
    """The expansion exceeds a limit, for the reason in `error`. The rest of the document is not read."""

    def __init__(self, error: SpecError) -> None:
        super().__init__(str(error))
        self.error = error


@record(frozen=False, slots=False)
class Bounds(Meter):
    """Counts the layers that an expansion makes and the steps that it takes, and gives up at the limits.

    A step is a name, a number or an operation of an item that is evaluated. Blocks that make no layers take steps too.
    """

    max_layers: int
    layers: int = 0
    steps: int = 0
    sizes: dict[int, int] = field(default_factory=dict)
    """The steps of each item, by its identity."""

    def take(self, item: Item) -> None:
        """Counts the steps of an item, without those of the paths in it."""
        steps = self.sizes.get(id(item))
        if steps is None:
            steps = self.sizes[id(item)] = 1 + sum(map(size_of, evaluated_in(item)))
        self.spend(steps, item.where)

    def spend(self, steps: int, where: Location) -> None:
        self.steps += steps
        limit = IDLE + STEPS * self.layers
        if self.steps > limit:
            message = f"expanding the network takes more than {limit:,} steps for {self.layers:,} layers"
            help = "blocks or repeats inside each other make few layers or none: check their conditions and `* n`"
            raise GivenUp(problem("AC132", message, where, help=help))

    def check_least(self, document: Document) -> None:
        """Gives up before any layer is made, if there will be too many whatever conditions say."""
        least, layers = LeastLayers(document), 0
        for item in document.layers:
            layers += least.of_item(item, document.library)
            self.check_room(layers, item.where)

    def made(self, layers: int, where: Location) -> None:
        """Notes how many layers there are."""
        self.layers = layers
        if layers > self.max_layers:
            self.check_room(layers, where)

    def have_room(self, copies: int, layers: int, steps: int) -> bool:
        """Whether so many equal copies, each of so many layers and steps, stay within the limits all the way."""
        left = IDLE + STEPS * self.layers - self.steps
        gained = copies * (STEPS * layers - steps)
        return min(left, left + gained) >= steps and self.layers + copies * layers <= self.max_layers

    def copied(self, copies: int, layers: int, steps: int) -> None:
        """Counts equal copies for which there is room."""
        self.layers += copies * layers
        self.steps += copies * steps

    def check_room(self, layers: int, where: Location) -> None:
        """Gives up if there would be so many layers."""
        if layers > self.max_layers:
            message = f"the network has more than {self.max_layers:,} layers"
            help = "nested repeats multiply: check `* n` inside repeated blocks; --max-layers raises the limit"
            raise GivenUp(problem("AC132", message, where, help=help))


def evaluated_in(item: Item) -> Iterator[Expression]:
    """The expressions of an item itself."""
    if isinstance(item, Choice):
        yield item.condition
        return
    if isinstance(item, Each):
        yield from parts_of_loop(item.loop)
        return
    if item.repeat is not None:
        yield item.repeat
    if not isinstance(item.call, Merge):
        yield from item.call.positional
        if item.call.picked is not None:
            yield item.call.picked
    yield from (value for _, value in item.call.keywords)
