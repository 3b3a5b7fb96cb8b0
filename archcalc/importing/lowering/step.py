"""Steps: layers with their inputs, as a program needs them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from archcalc.core.location import Location
from archcalc.core.volume import Volume
from archcalc.graph.several import rows_of_outputs
from archcalc.layer import AxisSizes, Layer
from archcalc.record import field, record


@record(eq=False, frozen=False, slots=False)
class Step:
    """A layer at one place of the network; an input of the network has none.

    `sources`: what it reads. `module`: the path of the module that ran it. `path`: the path of its weights; empty if it
    has none. `weights`: the weight of the program for each weight of the layer, by its name there. `again`: the step
    whose weights it uses. `tied`: the step that owns a weight of it. `function`: what the code called.
    `transposed`: whether its matrix is the transpose of the program's. `frozen`: whether its weights are not trained.
    `numbers`: how to get the elements of fixed values, which are None where they are not known. `others`: the step in
    runs at other sizes, if they are known.
    """

    __repr__ = object.__repr__  # steps refer to one another

    layer: Layer | None
    sources: tuple["Step", ...]
    volume: Volume
    module: str = ""
    path: str = ""
    function: str = ""
    name: str = ""
    weights: dict[str, str] = field(default_factory=dict)
    again: "Step | None" = None
    tied: "Step | None" = None
    where: Location | None = None
    transposed: bool = False
    frozen: bool = False
    numbers: Callable[[], Sequence[float] | None] | None = None
    others: tuple["Step", ...] = ()

    @property
    def joined(self) -> tuple["Step", ...]:
        """The sources that the layer takes as its inputs."""
        return self.sources[: len(self.sources) - len(self.named)]

    @property
    def named(self) -> tuple["Step", ...]:
        """The sources that an argument names."""
        count = sum(1 for _ in self.layer.references()) if self.layer is not None else 0
        return self.sources[len(self.sources) - count :]

    @property
    def kind(self) -> str:
        return "input" if self.layer is None else self.layer.name


def together(steps: Sequence[Step]) -> Mapping[Step, tuple[Step, ...]]:
    """For each step that is one output of an operation with several, all of them: steps in a row."""
    rows = rows_of_outputs([each.layer for each in steps], [each.sources for each in steps])
    groups = [tuple(steps[row]) for row in rows]
    return {step: group for group in groups for step in group}


def stated(layer: Layer, *without: str) -> dict[str, Any]:
    """The arguments of a layer without those that have their defaults, as a call gives them."""
    found: dict[str, Any] = {}
    for key, value in layer.stated(*without).items():
        found |= dict(value) if isinstance(value, AxisSizes) else {key: value}
    return found
