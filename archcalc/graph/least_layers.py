"""The fewest layers that a document stands for, counted before any is made: blocks that call blocks multiply."""

from functools import cached_property

from archcalc.layer import layer_named
from archcalc.spec.chain import Body, Choice, Each, Item, Merge, explicit_names
from archcalc.spec.declaration import BlockDef, Document, Library
from archcalc.spec.expression import Expression, Number


class LeastLayers:
    """Counts what no condition, no loop and no name decides: it is never above the layers that are made."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.known: dict[int, int] = {}

    @cached_property
    def names(self) -> frozenset[str]:
        """Every word that may stand for a value somewhere."""
        libraries = self.document.libraries.values()
        blocks = [block for library in libraries for block in library.blocks.values()]
        given = {word.text for block in blocks for word, _ in block.parameters}
        inputs = {each.name for each in self.document.inputs}
        bodies = (explicit_names(self.document.layers), *(block.names for block in blocks))
        return frozenset(given | inputs).union(*bodies)

    def of_body(self, body: Body, library: Library) -> int:
        return sum(self.of_item(item, library) for item in body)

    def of_item(self, item: Item, library: Library) -> int:
        if isinstance(item, Choice):
            return min(self.of_body(item.then, library), self.of_body(item.otherwise, library))
        if isinstance(item, Each):
            return 0
        copies = 1 if item.repeat is None else least_copies(item.repeat)
        if isinstance(item.call, Merge):
            return copies * sum(self.of_body(path, library) for path in item.call.paths)
        if item.call.picked is not None:
            return 0
        target = item.call.target.text
        if layer_named(target):
            return 0 if item.leads and target in self.names else copies
        return copies * self.of_block(library.blocks[target]) if target in library.blocks else 0

    def of_block(self, block: BlockDef) -> int:
        if id(block) not in self.known:
            self.known[id(block)] = 0  # of a block within itself
            self.known[id(block)] = self.of_body(block.body, self.document.libraries[block.home])
        return self.known[id(block)]


def least_copies(repeat: Expression) -> int:
    return repeat.value if isinstance(repeat, Number) and isinstance(repeat.value, int) else 0
