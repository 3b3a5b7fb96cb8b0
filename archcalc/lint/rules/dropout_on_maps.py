"""Dropout on feature maps."""

from collections.abc import Iterator

from archcalc.core.dim import prod
from archcalc.layers.dropout import Dropout
from archcalc.lint.rule import Design, Finding, Rule


class DropoutOnMaps(Rule, code="AR501"):
    """Dropout on the feature maps of a convolution.

    Neighbouring elements of a map are strongly correlated: a dropped element can be inferred from its neighbours.
    Dropout then adds noise but regularises little. Use it on fully connected layers, or drop whole channels.

    Sources: Tompson et al. 2014, arXiv:1411.4280 (spatial dropout); Desassis, "Convolutional neural networks" (Mines
    Paris).
    """

    bad = "- conv(3, 16, p1) -> relu\n- dropout(0.3)  # <-\n- flatten -> fc(10)"
    good = "- conv(3, 16, p1) -> relu -> flatten -> fc(64) -> relu\n- dropout(0.3) -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node, layer in design.of(Dropout):
            x = node.inputs[0]
            if layer.p and not x.channels_last and prod(x.spatial) > 1:
                message = (
                    f"{node.name} drops single elements of feature maps, which correlate with their neighbours: {x}"
                )
                yield Finding(node=node, message=message, help="move it after the linear layers, or use a norm instead")
