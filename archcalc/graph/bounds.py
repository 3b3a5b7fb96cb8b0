"""How far a document may expand: repeats multiply, and a few lines could stand for more than fits in memory."""

from archcalc.core.diagnostic import SpecError, problem
from archcalc.core.location import Location

STEPS = 4
"""Steps taken, layers or not, for each layer that there may be: the same bomb with nothing in it."""


class GivenUp(Exception):
    """The expansion is out of bounds, for the reason in `error`: what is left of the document is not looked at."""

    def __init__(self, error: SpecError) -> None:
        super().__init__(str(error))
        self.error = error


class Bounds:
    """Counts what an expansion makes, and gives up at once where it is too much."""

    def __init__(self, max_layers: int) -> None:
        self.max_layers = max_layers
        self.steps = 0

    def take_step(self, where: Location) -> None:
        self.steps += 1
        if self.steps > STEPS * self.max_layers:
            self.give_up(where)

    def check_room(self, layers: int, where: Location) -> None:
        """Gives up where there would be so many layers."""
        if layers > self.max_layers:
            self.give_up(where)

    def give_up(self, where: Location) -> None:
        help = "nested repeats multiply: check `* n` inside repeated blocks; --max-layers raises the limit"
        raise GivenUp(problem("AC132", f"the network has more than {self.max_layers:,} layers", where, help=help))
