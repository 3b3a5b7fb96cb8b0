"""A frozen layer after one that is trained."""

from collections.abc import Iterator

from archcalc.lint.rule import Design, Finding, Rule
from archcalc.memory.transfer import learns


class FrozenAfterTrainable(Rule, code="AR508"):
    """A frozen layer after one that is trained.

    The inputs of the frozen layer change during training, so its outputs cannot be computed once and reused. The
    backward pass has to go through it and needs its activations. Freeze layers from the input on.

    Sources: Yosinski et al. 2014, arXiv:1411.1792 (the first n layers are frozen); Desassis, "Convolutional neural
    networks" (Mines Paris).
    """

    bad = "- conv(3, 16) -> relu\n- conv(3, 16, freeze=true)  # <-\n- relu -> flatten -> fc(10)"
    good = "- conv(3, 16, freeze=true) -> relu -> conv(3, 16) -> relu -> flatten -> fc(10)"

    def findings(self, design: Design) -> Iterator[Finding]:
        trained: dict[str, str] = {}
        if not any(node.frozen for node in design):
            return
        for node in design:
            before = next((trained[source] for source in node.sources if source in trained), "")
            if node.frozen and before and any(not weight.buffer for weight in node.weights):
                message = f"{node.name} is frozen, but {before} before it is not"
                yield Finding(node=node, message=message, help=f"freeze {before} too, or neither")
            if before or learns(node, design.graph):
                trained[node.name] = node.name if learns(node, design.graph) else before
