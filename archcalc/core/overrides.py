"""What a command line changes of a spec."""

from collections.abc import Mapping, Sequence

from archcalc.record import field, record

MAX_LAYERS = 100_000
"""Expanded layers that a network may have, unless something else is said."""


@record(kw_only=True)
class Overrides:
    """Parameters and axes (`settings`), input shapes, and the folders that imports may lie in.

    `max_layers`: the expanded layers that the network may have.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    inputs: Sequence[str] = ()
    roots: Sequence[str] = ()
    max_layers: int = MAX_LAYERS


AS_WRITTEN = Overrides()
"""The spec as it is."""
