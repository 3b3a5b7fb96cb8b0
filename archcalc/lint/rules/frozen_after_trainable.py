"""A frozen layer behind one that learns."""

from collections.abc import Iterator

from archcalc.lint.rule import Design, Finding, Rule
from archcalc.memory.transfer import learns


class FrozenBehindTrainable(Rule, code="AR508"):
    """A frozen layer behind one that is trained.

    What it was trained on changes under it, and its outputs can no longer be computed once: backward has to go through
    it, and keep its activations. Layers are frozen from the input on.

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
            behind = next((trained[source] for source in node.sources if source in trained), "")
            if node.frozen and behind and any(not weight.buffer for weight in node.weights):
                message = f"{node.name} is frozen, and {behind} before it is not"
                yield Finding(node=node, message=message, help=f"freeze {behind} too, or neither of them")
            if behind or learns(node, design.graph):
                trained[node.name] = node.name if learns(node, design.graph) else behind
