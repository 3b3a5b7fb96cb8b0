"""Dropout on feature maps."""

from collections.abc import Iterator

from archcalc.core.dim import prod
from archcalc.layers.dropout import Dropout
from archcalc.lint.rule import Design, Finding, Rule


class DropoutOnMaps(Rule, code="AR501"):
    """Dropout on the maps of a convolution.

    Neighbouring units of a map say much the same: what one of them loses the next still tells, so that dropout adds
    noise and regularises little. It belongs on fully connected layers, or takes whole channels at a time.

    Sources: Tompson et al. 2014, arXiv:1411.4280 (spatial dropout); Desassis, "Convolutional neural networks" (Mines
    Paris).
    """

    bad = "- conv(3, 16, p1) -> relu\n- dropout(0.3)  # <-\n- flatten -> fc(10)"
    good = "- conv(3, 16, p1) -> relu -> flatten -> fc(64) -> relu\n- dropout(0.3) -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        for node, layer in design.of(Dropout):
            x = node.inputs[0]
            if layer.p and not x.channels_last and prod(x.spatial) > 1:
                message = f"{node.name} drops single units of maps, whose neighbours tell the same: {x}"
                yield Finding(node=node, message=message, help="behind the linear layers, or a norm instead")
