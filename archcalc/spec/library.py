"""Libraries: the definitions of one file, for itself and for files that import it."""

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from archcalc.core.answers import looked_for
from archcalc.core.catalogue import Late
from archcalc.core.diagnostic import Label, Problems, SpecError, did_you_mean, problem, quoted
from archcalc.core.location import Location, Source
from archcalc.record import replace
from archcalc.spec import reader as tree
from archcalc.spec.declaration import BlockDef, InputDecl, Library, Parameter
from archcalc.spec.expression import names_in
from archcalc.spec.item import signature_of
from archcalc.spec.reader import Node, Scalar, read_tree
from archcalc.spec.section import Sections
from archcalc.spec.zoo import bundled, folder

if TYPE_CHECKING:
    from archcalc.spec import foreign, setting
else:
    foreign = Late("archcalc.spec.foreign")
    setting = Late("archcalc.spec.setting")

KEYS = (
    "archcalc",
    "name",
    "about",
    "source",
    "tags",
    "import",
    "params",
    "symbols",
    "input",
    "defaults",
    "blocks",
    "layers",
    "outputs",
    "expect",
    "variants",
)
MISSING = {
    "archcalc": "add the version of the language as the first line: archcalc: 1",
    "input": "add the input shape, without the batch: input: [3, 224, 224]",
    "layers": "add the layers: layers: [flatten, fc: 10]",
}
MAX_FILES = 32


class Libraries(Sections):
    """The libraries read so far, by their home, and the files that are still being read."""

    def __init__(self, problems: Problems, load: Callable[[str], Source], roots: Sequence[str]) -> None:
        super().__init__(problems)
        self.load = load
        self.roots = tuple(roots)
        self.libraries: dict[str, Library] = {}
        self.open: list[str] = []

    def top(self, source: Source, required: tuple[str, ...]) -> tree.Mapping:
        """The known keys of a file. Raises SpecError if it is not a spec."""
        root = read_tree(source, self.problems)
        if root is None or (isinstance(root, Scalar) and root.is_null):
            help = "`archcalc explain AC003` shows the smallest spec"
            raise problem("AC003", f"{source.name} is empty", Location(source), help=help)
        if not isinstance(root, tree.Mapping):
            help = "begin the spec with 'archcalc: 1' and add 'input:' and 'layers:'"
            raise problem("AC016", "a spec must be a mapping", root.where, help=help)
        known = self.known(root, KEYS, "key", key_help)
        self.check_present(root, required)
        version = known.get("archcalc")
        if version and not (isinstance(version, Scalar) and version.value == "1"):
            self.problems.add(
                problem("AC018", "unknown version of the language", version.where, help="write archcalc: 1")
            )
        return known

    def check_present(self, root: tree.Mapping, required: tuple[str, ...]) -> None:
        """Reports missing required keys, unless a misspelt one has already been reported."""
        unknown = [key.value for key, _ in root.pairs if key.value not in KEYS]
        where = root.where
        for key in required:
            if root.get(key) is None and not did_you_mean(key, unknown):
                first = Location(where.source, where.line, where.column, len(where.source.line(where.line)) or 1)
                self.problems.add(problem("AC017", f"'{key}:' is missing", first, help=MISSING[key]))

    def library(
        self,
        source: Source,
        top: tree.Mapping,
        changed: Mapping[str, Node],
        settings: Mapping[str, str],
        inputs: tuple[InputDecl, ...],
    ) -> Library:
        symbols = tuple(self.symbols(top.get("symbols")))
        params = tuple(self.params(top.get("params"), changed))
        free = [*(symbol.name for symbol in symbols), *free_dims(inputs, params)]
        imports = tuple(self.imports(top.get("import"), source))
        defaults = tuple(self.defaults(top.get("defaults")))
        library = Library(
            params=params,
            blocks=self.blocks(top.get("blocks"), source.name, imports),
            defaults={word.text: arguments for word, arguments in defaults},
            symbols=symbols,
            default_names=tuple(word for word, _ in defaults),
            imports=imports,
        )
        if not settings:
            return library
        return (
            self.problems.attempt(setting.with_settings, library, self.settings(settings, library, free), free)
            or library
        )

    def blocks(self, node: Node | None, home: str, imports: tuple[tuple[str, str], ...]) -> dict[str, BlockDef]:
        """The blocks of a file by name, including imported ones."""
        found: dict[str, BlockDef] = {}
        for prefix, other in imports:
            for name, block in self.libraries[other].blocks.items():
                self.define(found, f"{prefix}.{name}" if prefix else name, block)
        for key, body in self.pairs(node, "blocks"):
            signature = self.once(signature_of, key)
            items = self.body(body)
            if signature:
                self.define(found, signature[0].text, BlockDef(*signature, items, home, key.where))
        return found

    def define(self, blocks: dict[str, BlockDef], name: str, block: BlockDef) -> None:
        before = blocks.get(name)
        if before is not None and before is not block:
            first = [Label(before.where, "first defined here")]
            message = f"the block {quoted(name)} is defined twice"
            help = (
                "rename one of them"
                if before.home == block.home
                else "import the file with a prefix: {short: ./file.yaml}"
            )
            self.problems.add(problem("AC118", message, block.name.where, labels=first, help=help))
        blocks.setdefault(name, block)

    # --- imports -------------------------------------------------------------------------------------------------

    def imports(self, node: Node | None, source: Source) -> Iterator[tuple[str, str]]:
        """Reads the imported files; yields (prefix, home) of each."""
        named = isinstance(node, tree.Mapping)
        pairs = node.pairs if isinstance(node, tree.Mapping) else [(None, item) for item in listed(node)]
        for key, path in pairs:
            prefix = self.problems.attempt(self.plain_name, key, "a prefix") if key else None
            home = self.problems.attempt(self.imported, path, source)
            if home and (prefix or not named):
                yield prefix.text if prefix else "", home

    def imported(self, node: Node, source: Source) -> str:
        """Reads the file that a node names, unless it has been read; returns its home."""
        if not isinstance(node, Scalar) or not node.value:
            raise problem(
                "AC016", "an import must be the path of a file", node.where, help="write import: [./blocks.yaml]"
            )
        if os.path.isabs(node.value):
            raise problem(
                "AC020",
                "an import must be a path relative to this file",
                node.where,
                help="write import: [./blocks.yaml]",
            )
        home = self.home(node, source)
        if home in self.open:
            chain = " -> ".join(os.path.basename(name) for name in [*self.open[self.open.index(home) :], home])
            raise problem("AC020", "circular import", node.where, notes=[chain])
        if home not in self.libraries:
            if len(self.libraries) + len(self.open) > MAX_FILES:
                raise problem("AC020", f"more than {MAX_FILES} imported files", node.where)
            self.libraries[home] = self.foreign(home, node.where)
        return home

    def home(self, node: Scalar, source: Source) -> str:
        """The path of the file that an import names: a bundled spec, or one that lies where imports may."""
        path = os.path.normpath(os.path.join(os.path.dirname(source.name), node.value))
        if is_name(node.value) and not os.path.exists(path):
            looked_for(path)
            known = bundled()
            if node.value in known:
                return known[node.value]
            name, at, variant = node.value.partition("@")
            if at and name in known:
                help = f"import {name}, and write what {variant} changes in params: or as arguments of blocks"
                raise problem("AC020", "an import takes no variant", node.where, help=help)
            help = did_you_mean(node.value, known) or "`archcalc specs` lists the bundled ones"
            message = f"there is no file and no bundled spec called {quoted(node.value)}"
            raise problem("AC020", message, node.where, help=help)
        if not any(lies_in(path, root) for root in (*self.roots, folder())):
            help = "move the file into the spec's folder, or name a folder of imports: --import-root DIR"
            raise problem("AC020", "an import lies in the spec's folder or below", node.where, help=help)
        return path

    def foreign(self, home: str, where: Location) -> Library:
        """The definitions of another file; problems of its text are reported there."""
        try:
            source = self.load(home)
        except SpecError as error:
            raise SpecError([replace(found, code="AC020", location=where) for found in error.diagnostics]) from None
        except OSError as error:
            raise problem("AC020", f"{home} cannot be read: {str(error.strerror or error).lower()}", where) from None
        self.open.append(home)
        try:
            top = self.top(Source(home, source.text), required=("archcalc",))
            return self.library(Source(home, source.text), top, {}, {}, ())
        finally:
            self.open.pop()


def key_help(key: str, known: Collection[str]) -> str:
    """What to write for a key of other formats."""
    return foreign.key_help(key, known)


def is_name(text: str) -> bool:
    """Whether an import is a name and no path: `resnet50`."""
    return os.sep not in text and "/" not in text and not os.path.splitext(text)[1]


def lies_in(path: str, root: str) -> bool:
    """Whether a file lies in a folder or below, links followed."""
    inside, whole = os.path.realpath(path), os.path.realpath(root)
    return inside == whole or inside.startswith(whole.rstrip(os.sep) + os.sep)


def listed(node: Node | None) -> tuple[Node, ...]:
    return node.items if isinstance(node, tree.Sequence) else (node,) if node else ()


def free_dims(inputs: tuple[InputDecl, ...], params: tuple[Parameter, ...]) -> Iterator[str]:
    """The names in input shapes that are not parameters: `[3, H, W]` declares H and W."""
    known = {parameter.name.text for parameter in params}
    for declared in inputs:
        for name in (name for dim in declared.shape for name in names_in(dim)):
            if name.id not in known:
                yield name.id
