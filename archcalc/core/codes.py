"""Every diagnostic code: its title, and the long text with an example that `archcalc explain CODE` prints."""

CODES: dict[str, tuple[str, str]] = {
    # --- AC0xx: files, YAML, syntax ---
    "AC001": (
        "the file cannot be read",
        """The path does not exist, is a directory, or may not be read.

    archcalc report resnet.yml      # the file is called resnet.yaml
""",
    ),
    "AC002": (
        "not text",
        """A spec is UTF-8 text. A byte that is not UTF-8, a NUL or another control character means that the
file is something else: a picture, a checkpoint, UTF-16 from an editor. A byte order mark at the
beginning is fine.
""",
    ),
    "AC003": (
        "the file is empty",
        """There is nothing in it, or nothing but comments. The least spec is

    archcalc: 1
    input: [3, 32, 32]
    layers: [flatten, fc: 10]
""",
    ),
    "AC004": (
        "larger than a spec may be",
        """1 MiB of text, 200,000 YAML nodes and 48 levels of nesting are the bounds. They are far beyond any
network somebody wrote; what exceeds them would only serve to make a program that reads it run out
of memory.
""",
    ),
    "AC005": (
        "not YAML",
        """The text breaks YAML's own rules: a list that is not closed, a tab in the indentation, a ': ' too many.

    name: ResNet: the deep one      # quote it: "ResNet: the deep one"
""",
    ),
    "AC006": (
        "a key is given twice",
        """YAML parsers disagree on which of the two counts; most drop the first in silence. Here neither does.

    conv: {padding: 1, stride: 2, padding: same}
""",
    ),
    "AC007": (
        "YAML aliases, anchors and merge keys are not read",
        """`*name`, `&name` and `<<` let a small file stand for an enormous one and hide what it says. What is used
twice gets a name in `params` or in `blocks`. A value that begins with `*` by accident belongs in quotes.

    width: *w 2                     # write 2*w
""",
    ),
    "AC008": (
        "YAML tags are not read",
        """`!!python/object` and its like tell a YAML library to build things. A spec holds words and numbers only.
""",
    ),
    "AC009": (
        "several YAML documents in one file",
        """A line of `---` begins another document. One file is one spec; variants of it stand under `variants:`.
""",
    ),
    "AC010": (
        "a key that is no word",
        """Every key is a word: not a list, not a mapping, not nothing.

    : 3
""",
    ),
    "AC011": (
        "a call cut at its comma",
        """Within [ ] and { } a comma ends the item for YAML, parentheses or not. Quote the call, or use a '- '
list.

    concat: [conv(3, 64, p1), prev]         # read as conv(3 and 64 and p1) and prev
    concat: ["conv(3, 64, p1)", prev]
""",
    ),
    "AC012": (
        "the text goes on differently than it could",
        """A word or sign where the language expects another one. The grammar of a chain:

    path  := chain ["if" expr ["else" path]]
    chain := step {"->" step}
    step  := [name "="] call ["*" expr]
    call  := layer-or-block-or-name ["(" [arg {"," arg}] ")"]
    arg   := expr | key "=" expr | tag      s2 p1 d2 g32 k3: stride padding dilation groups kernel_size
""",
    ),
    "AC013": (
        "a sign that is not part of the language",
        """Names are made of the letters a to z, digits and _, numbers are decimal, steps are joined by ->.

    conv(3, 64w)                    # 64*w
    conv(3, 64) => relu             # conv(3, 64) -> relu
""",
    ),
    "AC014": (
        "too deep or too long an expression",
        """An expression has at most 200 operations and 48 levels of parentheses. Give its parts names in `params`.
""",
    ),
    "AC015": (
        "a call or list that is not closed",
        """Every '(' needs its ')', and an arrow stands between calls, not in them.

    conv(3, 64 -> relu              # conv(3, 64) -> relu
""",
    ),
    "AC016": (
        "another kind of value is needed",
        """A list where a mapping belongs, a mapping where a word does, or nothing at all.

    input: 784                      # input: [784]
""",
    ),
    "AC017": (
        "a required key is missing",
        """Every spec has `archcalc: 1`, the language it is written in, and a network has `input` and `layers`.
""",
    ),
    "AC018": (
        "an unknown version of the language",
        """`archcalc: 1` is the version of the language, not of the network. It is the only one so far; a later
version of archcalc will say what has changed.
""",
    ),
    "AC019": (
        "an unknown key",
        """A key that the document does not have; it would have had no effect.

    defualts: {conv: {padding: same}}       # defaults
""",
    ),
    "AC020": (
        "an import that fails",
        """`import` names other specs by their path relative to this one. The file must exist, must not import
this one again, directly or through others, and its path must not be absolute.

    import: [./blocks.yaml]
    import: {rn: ./resnet_blocks.yaml}      # its blocks are then called rn.bottleneck(...)
""",
    ),
    "AC021": (
        "no such spec",
        """What is named is neither a file nor a bundled spec. `archcalc specs` lists the bundled ones.

    archcalc report resnet5         # did you mean 'resnet50'?
""",
    ),
    "AC022": (
        "not a layer item",
        """A layer item is a chain, or a mapping with one layer and beside it `name`, `from` and `repeat` only.

    - fc: 100
      act: relu                     # fc: {out_features: 100, act: relu}
""",
    ),
    "AC023": (
        "a one-line network without its input",
        """What `-e` is given begins with its input.

    archcalc report -e "input(3, 32, 32) -> conv(5, 32, p2) -> relu -> fc(10)"
""",
    ),
    # --- AC1xx: names and arguments ---
    "AC101": (
        "no such layer or block",
        """A call must name a layer, one of the spec's blocks, or an earlier layer that is to run again.

    - conv(3, 64) -> flaten        # did you mean 'flatten'?

`archcalc layers` lists the layers and their other names.
""",
    ),
    "AC102": (
        "no such earlier layer",
        """`from:`, `outputs:` and arguments such as `like` and `tie` name layers that come before. Blocks see
their own layers and their arguments, not the caller's names: pass the layer as an argument.

    up(width, skip):
      - concat: [upconv(2, width, s2), skip]
""",
    ),
    "AC107": (
        "a name used twice",
        """Every layer of a block has a name of its own: it is the layer's row in the table, its key in the
JSON and its prefix in `state_dict`. To run a layer again with the same weights, call it by its
name: `stem()`.
""",
    ),
    "AC110": (
        "an unknown name in an expression",
        """It is no parameter, no argument of the block, and none of the words that may stand here.

    params: {width: 64}
    layers: [{conv: {kernel_size: 3, out_channels: widht}}]
""",
    ),
    "AC111": (
        "an unknown function",
        """Expressions know min, max, ceil, floor, round, len, sum and make_divisible, and no others: a spec is data,
and cannot call Python.
""",
    ),
    "AC112": (
        "a value of the wrong kind",
        """Arithmetic takes numbers: not lists, not words, not layers; and true is not 1.

    depths * 2                      # depths[0] * 2
""",
    ),
    "AC113": (
        "an expression that has no value",
        """Division by zero, an entry that a list does not have, the least of nothing.

    depths[4]                       # of [3, 4, 6, 3], whose last is depths[3]
""",
    ),
    "AC114": (
        "a number beyond all bounds",
        """Whole numbers go up to 1e15, exponents are whole numbers from 0 to 8. No network needs more, and a slip of
the pen such as 2 ** 10 ** 10 would never end.
""",
    ),
    "AC115": (
        "a name that cannot be given",
        """`prev`, `true`, `if` ... are words of the language, and dots are made by blocks.

    prev = conv(3, 64)
""",
    ),
    "AC116": (
        "an unknown variant",
        """The spec has no variant of that name; `archcalc specs` lists those of the bundled ones.

    archcalc report resnet50@resnet110
""",
    ),
    "AC117": (
        "a setting for something that is not there",
        """`--set name=value` gives a parameter another value, or a free dimension its number. A variant may
give values to parameters, and to input, expect, name, about and source.
""",
    ),
    "AC118": (
        "a block is defined twice",
        """Two blocks of one name, in the file or through its imports. Import one of the files under a prefix:

    import: {rn: ./resnet_blocks.yaml}
""",
    ),
    "AC119": (
        "a default before a parameter without one",
        """Arguments are given in order, so that what may be left out comes last.

    stage(stride=2, width):         # stage(width, stride=2)
""",
    ),
    "AC120": (
        "unknown argument",
        """The layer or block has no argument of that name. Keys are torch's keyword names; `archcalc layers
NAME` lists them.

    conv(3, 64, strides=2)         # stride=2, or the tag s2
""",
    ),
    "AC121": (
        "too many arguments without names",
        """Only the first arguments may be given without their names: `conv(kernel_size, out_channels)`,
`maxpool(kernel_size, stride)`, `fc(out_features)`. The others are named: `conv(3, 64, stride=2)`,
or as tags: `conv(3, 64, s2, p1)`.
""",
    ),
    "AC122": (
        "an argument is given twice",
        """Once by its place or short form and once by name, or twice by name.

    conv(3, 64, s2, stride=1)
""",
    ),
    "AC123": (
        "an argument is missing",
        """What has no default must be given. `archcalc layers conv` shows what a layer takes, and what is left out.

    conv(3)                        # how many filters? conv(3, 64)
""",
    ),
    "AC124": (
        "a value of the wrong kind",
        """A number where a word is meant, a fraction where a whole number is, a list where there is one value.

    conv(3, 2.5)                   # out_channels must be a whole number, got 2.5
""",
    ),
    "AC125": (
        "unknown dtype",
        """Inputs are float64, float32, bfloat16, float16, int64, int32 or bool: torch's names, without `torch.`.
""",
    ),
    "AC126": (
        "a condition that is no condition",
        """What stands after `if` must be true or false: a comparison, `and`, `or`, `not`, or a parameter that
is one of them.

    conv(1, w) if stride else prev       # if stride > 1
""",
    ),
    "AC127": (
        "a repeat below zero",
        """`call * n` repeats a call n times; 0 leaves it out, and fewer than that means nothing.

    - block * (depth - 1)          # depth must be 1 or more
""",
    ),
    "AC128": (
        "a layer that runs again takes no arguments",
        """`stem()` runs the layer `stem` again with the weights it has. Its arguments were settled when it was
made.
""",
    ),
    "AC129": (
        "not a layer that can run again",
        """The name stands for a value: an input, or what a layer outside the block put out. Only a layer or
block that was made in the same block can run again.
""",
    ),
    "AC130": (
        "a block contains itself",
        """Expanding it would never end. Use a repeat, `block * n`, or another block for the innermost case.
""",
    ),
    "AC131": (
        "blocks nested too deeply",
        """Blocks may stand in blocks 48 deep, which is far beyond any network. Look for blocks that call each other.
""",
    ),
    "AC132": (
        "too many layers",
        """A spec may expand to 100,000 layers. Repeats multiply: `block * 1000` within a block that is itself
repeated 1000 times is a million.
""",
    ),
    "AC133": (
        "a list where arguments are meant",
        """`conv: [3, 64]` would be read one way round by YOLO's users and the other way by PyTorch's. Say
which number is which:

    - conv(3, 64)                                  # kernel_size, out_channels
    - conv: {kernel_size: 3, out_channels: 64}
""",
    ),
    "AC134": (
        "a free symbol",
        """A dimension without a number (`input: [3, H, W]`, `symbols:`) makes every quantity a formula: `archcalc
formula`, `report` and `solve` work with those. A certificate and PyTorch source need numbers.

    archcalc verify fcn.yaml --set H=512 --set W=512
""",
    ),
    "AC135": (
        "nothing of that name can be free",
        """`--free` frees the axes of the first input (H and W of an image, T of a sequence, D, H and W of a
volume), the batch N, and parameters that are whole numbers or lists of them: `--free w`, `--free depths[0]`.
""",
    ),
    "AC136": (
        "a number is needed, and a symbol is free",
        """Sizes, widths and costs may depend on free symbols; which layers there are may not. A condition is fine
where it holds for all values of the symbol, or for none (`4*w != w`). A repeat may be free where what is
repeated gives back the volume it takes.

    - conv(3, w) if w > 64        # give w a number, or the symbol bounds: symbols: {w: {min: 65}}
""",
    ),
    "AC137": (
        "bounds of a symbol",
        """A symbol has the values from min to max that are multiples of multiple_of, all of them numbers.

    symbols: {T: {min: 1, max: 4096, multiple_of: 64}}
""",
    ),
    "AC138": (
        "no such block to checkpoint",
        """Activation checkpointing (`--checkpoint block`) is asked for by the name that a spec gives a
block under `blocks:`. Every expansion of it then keeps only what goes into it, and runs again in the
backward pass. A block within another one that is checkpointed runs again with that: name one of the two.
""",
    ),
    "AC139": (
        "a name in front of a chain, read as a value",
        """A name belongs to the layer or block that follows it: in `e1 = conv(3, 64) -> relu` that is the
convolution, not the chain. Whoever reads the value of `e1` may mean either, so one of them must be
written:

    - conv(3, 64) -> e1 = relu     # e1 is the end of the chain

    - e1 = conv(3, 64)             # e1 is the convolution
    - relu

Uses that mean the layer itself are not affected: `e1()`, `tie=e1`, and the names in `expect`.
""",
    ),
    # --- AC2xx: shapes and sharing ---
    "AC201": (
        "a layer does not take its input",
        """Something must hold of a layer's input, and does not: shapes that must be equal differ, groups do
not divide the channels, a window is larger than what it slides over. The message shows the numbers;
the note shows where they come from.
""",
    ),
    "AC202": (
        "the wrong number of spatial axes",
        """`conv2d` insists on two spatial axes, `conv1d` on one; `conv` takes what comes. A flat volume has
none: convolve before `flatten` and `fc`, not after.
""",
    ),
    "AC203": (
        "the wrong number of inputs",
        """Merges (`add`, `mul`, `concat`) take two paths or more; other layers and blocks take one input. What
came in is `prev`. A path whose condition is false is left out; at least one must be left.

    - add: [conv(3, 64, p1), prev]
    - add: [conv(3, 64, p1), conv(1, 64) if wide else prev]
""",
    ),
    "AC206": (
        "a layer cannot run again here",
        """Weights have the shape that the layer's first input gave them. An input with other channels (or, for
`fc`, another size) does not fit them.
""",
    ),
    "AC207": (
        "weights that cannot be shared",
        """`tie` shares one tensor between two layers, so both must have it in one shape: fc(vocab, bias=false,
tie=embedding).
""",
    ),
    "AC208": (
        "an axis beyond all bounds",
        """A layer would put out more than 10,000,000 units along one axis, ten times what anybody feeds to a network. A
number is mistyped, or two arguments are in the wrong order: conv(kernel_size, out_channels).
""",
    ),
    "AC209": (
        "no size fits",
        """What the layers ask of a free symbol cannot be had together, or not within its bounds. The notes show
who asks for what; `archcalc solve SPEC --for H` shows the sizes that fit, layer by layer.
""",
    ),
    # --- AC3xx: expectations and verification ---
    "AC300": (
        "not what was expected",
        """The spec's `expect:` holds a number that somebody published, and another one comes out. Either the spec is
not the network that was published, or the publication counts otherwise, or it errs: say which in a comment.

    expect: {params: 25_557_032, macs: 4.09e9 +- 1%}
""",
    ),
    "AC301": (
        "an expectation of something unknown",
        """`expect:` takes the totals (params, trainable_params, buffers, macs, flops, scalar, operations, output_bytes
...), `output`, `shapes` and `receptive_field` by layer. Everything else is a slip of the pen.
""",
    ),
    "AC302": (
        "an expectation of a layer that is not there",
        """`shapes:` and `receptive_field:` name layers and blocks as the table does: layer3, layer3.1.conv2. Layers
without a name in the spec are called by their type and number.
""",
    ),
    "AC310": (
        "a layer that cannot run again",
        """A layer with weights runs again on an input for which PyTorch would need a module of another kind, such as
batch norm on flat features after batch norm on an image. The numbers are right, and no source can be written.

    - n = batchnorm
    - gap -> n()          # write gap -> batchnorm
""",
    ),
}
