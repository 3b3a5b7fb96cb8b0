"""The states of recurrent layers: how many there are, and how wide."""

from abc import abstractmethod
from typing import Literal

from archcalc.core.dim import Dim
from archcalc.layer import Reference
from archcalc.layers.parametrized import Parametrized
from archcalc.layers.recurrent_memory import Cell
from archcalc.layers.sequence import OfTokens


class States(Parametrized, OfTokens):
    """Abstract: the arguments of a recurrent layer, and the states that follow from them."""

    hidden_size: Dim
    num_layers: int = 1
    bias: bool = True
    dropout: float = 0.0
    bidirectional: bool = False
    returns: Literal["sequence", "last", "state", "all"] = "sequence"
    state: Reference | None = None
    rows: bool = False

    @property
    def steady(self) -> bool:
        return not self.dropout

    @property
    def gates(self) -> int:
        """The number of vectors of `hidden_size` that one weight produces."""
        return 1

    @property
    def width(self) -> Dim:
        """The features of h in one direction."""
        return self.hidden_size

    @property
    def adds_biases(self) -> bool:
        """Whether the bias of the state is only ever added to that of the input."""
        return True

    @property
    def directions(self) -> tuple[str, ...]:
        """The suffix of each direction's weight names."""
        return ("", "_reverse") if self.bidirectional else ("",)

    @property
    def states(self) -> tuple[str, ...]:
        """The states passed from token to token."""
        return ("h",)

    @property
    def ways(self) -> int:
        """The directions of all layers, counted together: each has its own states."""
        return self.num_layers * len(self.directions)

    def features_of(self, state: str) -> Dim:
        """The features of this state in one direction of one layer."""
        return self.width if state == "h" else self.hidden_size

    @property
    def state_features(self) -> Dim:
        """The features of all states of all layers and directions."""
        return self.ways * sum(map(self.features_of, self.states))

    @property
    def ends(self) -> int:
        """The final states that are tokens of the output: each of each layer, its directions side by side."""
        return self.num_layers * len(self.states) if self.returns == "all" else 0

    @property
    @abstractmethod
    def cell(self) -> Cell: ...
