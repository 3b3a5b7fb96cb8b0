"""What a feature of the language server is: the answer to one request about a text."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from archcalc.core.location import Location
from archcalc.editor.opened import Opened
from archcalc.record import record

Answer: TypeAlias = Callable[[Opened, Mapping[str, Any], Location], Any]
"""From an open text, the parameters of the request and its position to the result."""


@record
class Feature:
    """`method`: the request it answers; `capability`: what it announces; `needs_network`: the network of the text as
    it is now, rather than of the last one that was built."""

    method: str
    capability: Mapping[str, Any]
    answer: Answer
    needs_network: bool = False


FEATURES: dict[str, Feature] = {}
"""Every feature by its method; filled by the files in features/."""


def answers(method: str, *, needs_network: bool = False, **capability: Any) -> Callable[[Answer], Answer]:
    """Registers the decorated function as the answer to a request."""

    def register(answer: Answer) -> Answer:
        if method in FEATURES:
            raise TypeError(f"the request {method!r} is answered twice")
        FEATURES[method] = Feature(method, capability, answer, needs_network)
        return answer

    return register
