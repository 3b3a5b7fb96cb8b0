"""Every diagnostic code: its title, and the long text with an example that `archcalc explain CODE` prints."""

CODES: dict[str, tuple[str, str]] = {
    # --- AC0xx: files, YAML, syntax ---
    "AC001": (
        "the file cannot be read",
        """The path does not exist, is a directory, or is not readable.

    archcalc report resnet.yml      # the file is called resnet.yaml
""",
    ),
    "AC002": (
        "not a text file",
        """A spec is UTF-8 text. A byte that is not valid UTF-8, a NUL or another control character means that the
file is something else: an image, a checkpoint, or text that an editor saved as UTF-16. A byte order mark
at the beginning is allowed.
""",
    ),
    "AC003": (
        "the file is empty",
        """The file has no content, or only comments. The smallest valid spec is

    archcalc: 1
    input: [3, 32, 32]
    layers: [flatten, fc: 10]
""",
    ),
    "AC004": (
        "the spec exceeds a size limit",
        """The limits are 1 MiB of text, 200,000 YAML nodes and 48 levels of nesting. No real network comes near
them. They protect programs that read specs from running out of memory.
""",
    ),
    "AC005": (
        "invalid YAML",
        """The text violates the YAML syntax: an unclosed list, a tab in the indentation, an extra ': '.

    name: ResNet: the deep one      # quote it: "ResNet: the deep one"
""",
    ),
    "AC006": (
        "duplicate key",
        """YAML parsers disagree on which of the two values to use; most silently drop the first. Here both are
rejected.

    conv: {padding: 1, stride: 2, padding: same}
""",
    ),
    "AC007": (
        "YAML aliases, anchors and merge keys are not supported",
        """`*name`, `&name` and `<<` let a small file expand to an enormous one and hide what it contains. Give
values that are used twice a name in `params`, and layers a name in `blocks`. Quote a value that
begins with `*` for another reason.

    width: *w 2                     # write 2*w
""",
    ),
    "AC008": (
        "YAML tags are not supported",
        """`!!python/object` and similar tags tell a YAML library to construct objects. A spec contains only words
and numbers.
""",
    ),
    "AC009": (
        "several YAML documents in one file",
        """A line of `---` starts another document. A file contains one spec; list its variants under `variants:`.
""",
    ),
    "AC010": (
        "a key is not a word",
        """Every key must be a word. It cannot be a list, a mapping or empty.

    : 3
""",
    ),
    "AC011": (
        "YAML split a call at a comma",
        """Inside [ ] and { }, YAML ends an item at every comma, even within parentheses. archcalc joins the pieces of
a call, unless there are comments or quotes between them. Quote such a call, or write a list with '- '.

    concat: [conv(3, 64, p1), prev]         # read as it stands
    concat: [conv(3, 64, dilation=r) for r in [6, 12]]
    concat: ["rearrange('b t (k c) -> b (t k) c', k=2)", prev]
""",
    ),
    "AC012": (
        "unexpected word or sign",
        """The language expects a different word or sign here. The grammar of a chain:

    path  := chain ["if" expr ["else" path]] ["for" name "in" expr ["if" expr]]
    chain := step {"->" step}
    step  := [name "="] call ["*" expr]
    call  := layer-or-block-or-name ["(" [arg {"," arg}] ")"]
    arg   := value | key "=" value | tag    s2 p1 d2 g32 k3: stride padding dilation groups kernel_size
    value := expr ["if" expr "else" value]
""",
    ),
    "AC013": (
        "a sign that the language does not have",
        """Names consist of the letters a to z and A to Z, digits and _. Numbers are decimal. Steps are joined
by ->.

    conv(3, 64w)                    # 64*w
    conv(3, 64) => relu             # conv(3, 64) -> relu
""",
    ),
    "AC014": (
        "an expression is too long or too deeply nested",
        """An expression may have 200 operations and 48 levels of parentheses. Split it, and name its parts in
`params`.
""",
    ),
    "AC015": (
        "a call or list is not closed",
        """Every '(' needs a matching ')'. An arrow stands between calls, not inside them.

    conv(3, 64 -> relu              # conv(3, 64) -> relu
""",
    ),
    "AC016": (
        "wrong kind of value in the document",
        """The document has a list where a mapping is expected, a mapping where a word is expected, or no value
at all.

    input: 784                      # input: [784]
""",
    ),
    "AC017": (
        "a required key is missing",
        """Every spec needs `archcalc: 1`, the version of the language. A network also needs `input` and `layers`.
""",
    ),
    "AC018": (
        "an unknown version of the language",
        """`archcalc: 1` is the version of the language, not of the network. It is the only version so far.
""",
    ),
    "AC019": (
        "an unknown key",
        """The language does not have this key. It would have no effect, so it is rejected.

    defualts: {conv: {padding: same}}       # defaults
""",
    ),
    "AC020": (
        "an import failed",
        """`import` names other specs by paths relative to this file. The imported file must exist and must not
import this one, directly or through others. Absolute paths are not allowed.

    import: [./blocks.yaml]
    import: {rn: ./resnet_blocks.yaml}      # its blocks are then called rn.bottleneck(...)
""",
    ),
    "AC021": (
        "no such spec",
        """The name is neither a file nor a bundled spec. `archcalc specs` lists the bundled specs.

    archcalc report resnet5         # did you mean 'resnet50'?
""",
    ),
    "AC022": (
        "not a layer item",
        """An item is a chain, or a mapping with one layer. Besides the layer, the mapping may have only the keys
`name`, `from` and `repeat`.

    - fc: 100
      act: relu                     # fc: {out_features: 100, act: relu}
""",
    ),
    "AC023": (
        "a one-line network without its input",
        """The network given with `-e` must begin with its input.

    archcalc report -e "input(3, 32, 32) -> conv(5, 32, p2) -> relu -> fc(10)"
""",
    ),
    # --- AC1xx: names and arguments ---
    "AC101": (
        "no such layer or block",
        """A call must name a layer type, a block of the spec, or an earlier layer to run again.

    - conv(3, 64) -> flaten        # did you mean 'flatten'?

`archcalc layers` lists the layers and their aliases.
""",
    ),
    "AC102": (
        "no such earlier layer",
        """`from:`, `outputs:` and arguments such as `like` and `tie` name earlier layers. A block sees its own
layers and its arguments, but not the caller's layers: pass a layer as an argument.

    up(width, skip):
      - concat: [upconv(2, width, s2), skip]
""",
    ),
    "AC107": (
        "a name used twice",
        """Layer names are unique within a block: the name identifies the layer in the table, in the JSON and in
`state_dict`. To run a layer again with the same weights, call it by its name: `stem()`.
""",
    ),
    "AC108": (
        "turns of a loop that are lost",
        """Each turn of a loop takes what the turn before has made. A chain that begins with the name of a value begins
with it in every turn: all that the turns before the last one make is read by nothing.

    - audio -> flow(i) for i in range(12)     # write '- audio', and '- flow(i) for i in range(12)' below it
""",
    ),
    "AC110": (
        "an unknown name in an expression",
        """The name is not a parameter, not an argument of the block, and not a word that is allowed here.

    params: {width: 64}
    layers: [{conv: {kernel_size: 3, out_channels: widht}}]
""",
    ),
    "AC111": (
        "an unknown function",
        """Expressions have the functions min, max, ceil, floor, round, len, sum, make_divisible, sqrt, log, log2,
range, zip, enumerate and reversed. A spec is data and cannot call Python.
""",
    ),
    "AC112": (
        "wrong kind of value in an expression",
        """Arithmetic takes numbers. It does not take lists, words or layers, and true is not 1.

    depths * 2                      # depths[0] * 2
""",
    ),
    "AC113": (
        "an expression has no value",
        """The expression divides by zero, uses an index outside its list, takes the minimum of an empty list, or
asks for a logarithm that is no exact number, for the root of a negative one, or for a root where a size is meant.

    depths[4]                       # depths = [3, 4, 6, 3]; the last entry is depths[3]
""",
    ),
    "AC114": (
        "a number is too large",
        """Whole numbers are limited to 1e15, and exponents to whole numbers from 0 to 8. No network needs more,
and a typing error such as 2 ** 10 ** 10 would never finish.
""",
    ),
    "AC115": (
        "a reserved name",
        """`prev`, `true`, `if` and other words of the language cannot be names. Names cannot contain dots: blocks
create dotted names.

    prev = conv(3, 64)
""",
    ),
    "AC116": (
        "an unknown variant",
        """The spec has no variant of that name. `archcalc specs` lists the variants of the bundled specs.

    archcalc report resnet50@resnet110
""",
    ),
    "AC117": (
        "a setting for an unknown parameter",
        """`--set name=value` changes the value of a parameter or gives a free dimension a number. A variant may
change parameters, input, expect, name, about and source.
""",
    ),
    "AC118": (
        "a block is defined twice",
        """Two blocks have the same name, in this file or in its imports. Import one of the files under a prefix:

    import: {rn: ./resnet_blocks.yaml}
""",
    ),
    "AC119": (
        "a parameter without a default follows one with a default",
        """Arguments can be given by position, so optional parameters must come last.

    stage(stride=2, width):         # stage(width, stride=2)
""",
    ),
    "AC120": (
        "unknown argument",
        """The layer or block has no argument of that name. The names are those of torch; `archcalc layers NAME`
lists them.

    conv(3, 64, strides=2)         # stride=2, or the tag s2
""",
    ),
    "AC121": (
        "too many positional arguments",
        """Only the first arguments can be positional: `conv(kernel_size, out_channels)`,
`maxpool(kernel_size, stride)`, `fc(out_features)`. Name the others, `conv(3, 64, stride=2)`, or use
short tags, `conv(3, 64, s2, p1)`.
""",
    ),
    "AC122": (
        "an argument is given twice",
        """An argument is given by position or short tag and again by name, or twice by name.

    conv(3, 64, s2, stride=1)
""",
    ),
    "AC123": (
        "an argument is missing",
        """An argument without a default is required. `archcalc layers conv` shows the arguments and their defaults.

    conv(3)                        # conv(3, 64): out_channels is missing
""",
    ),
    "AC124": (
        "wrong kind of value for an argument",
        """The argument takes another kind of value: a word instead of a number, a whole number instead of a
fraction, or one value instead of a list.

    conv(3, 2.5)                   # out_channels must be a whole number, got 2.5
""",
    ),
    "AC125": (
        "unknown dtype",
        """The dtype of an input is float64, float32, bfloat16, float16, int64, int32 or bool: torch's name without
`torch.`.
""",
    ),
    "AC126": (
        "a condition is not true or false",
        """The expression after `if` must be true or false: a comparison, `and`, `or`, `not`, or a parameter with
such a value.

    conv(1, w) if stride else prev       # if stride > 1
""",
    ),
    "AC127": (
        "a negative repeat",
        """`call * n` repeats a call n times, where n is 0 or more. 0 leaves the call out.

    - block * (depth - 1)          # depth must be 1 or more
""",
    ),
    "AC128": (
        "arguments for a layer that runs again",
        """`stem()` runs the layer `stem` again with the same weights. Its arguments were fixed by the first call.
""",
    ),
    "AC129": (
        "a value cannot run again",
        """The name refers to a value: an input, or the output of a layer outside the block. Only a layer or block
that was created in the same block can run again.
""",
    ),
    "AC130": (
        "a block contains itself",
        """The expansion would never end. A block can call itself under a condition that becomes false, as in
`hourglass(n - 1) if n > 1 else res`. For equal copies, use a repeat: `block * n`.
""",
    ),
    "AC131": (
        "blocks nested too deeply",
        """Blocks can be nested 48 levels deep. No real network needs more: check for blocks that call each other.
""",
    ),
    "AC132": (
        "too many layers",
        """A spec may expand to 100,000 layers; `--max-layers` raises the limit. Repeats multiply: `block * 1000`
inside a block that is repeated 1000 times gives a million.

Blocks and conditions that make no layers count too: an expansion may take 20,000 steps, and 100 more for each layer.
A step is a name, a number or an operation that is evaluated.
""",
    ),
    "AC133": (
        "arguments given as a list",
        """`conv: [3, 64]` is ambiguous: users of YOLO and users of PyTorch read it in opposite orders. Name the
numbers, or use a call:

    - conv(3, 64)                                  # kernel_size, out_channels
    - conv: {kernel_size: 3, out_channels: 64}
""",
    ),
    "AC134": (
        "a free symbol",
        """A dimension without a number (`input: [3, H, W]`, `symbols:`) makes every quantity a formula. `archcalc
formula`, `report` and `solve` work with formulas. A certificate and PyTorch source need numbers.

    archcalc verify fcn.yaml --set H=512 --set W=512
""",
    ),
    "AC135": (
        "a name that cannot be free",
        """`--free` accepts the axes of the inputs (H and W of an image, T of a sequence, D, H and W of a volume), the
batch size N, and parameters that are whole numbers or lists of whole numbers: `--free w`, `--free depths[0]`.

Where the sizes of several inputs have to agree, those follow that can: a map of 32 x 32 that meets one of 64 x 64
behind a stride of 2 is ⌈H/2⌉ x ⌈W/2⌉. Lengths that agree only now and then, as ⌈x_T/3⌉ and ⌈y_T/2⌉ do, follow from
none, and have no letter in common: free one, and the others stay as they are, or write the sizes in a symbol of your
own.

    archcalc solve net.yaml --for x_T
    input: {x: [3, 3*k], y: [8, 2*k]}
""",
    ),
    "AC136": (
        "a free symbol where a number is needed",
        """Sizes, widths and costs can depend on free symbols. The set of layers cannot. A condition is allowed if
it is true for all values of the symbol or false for all of them (`4*w != w`). A repeat can be free if
the output of the repeated part has the shape of its input.

    - conv(3, w) if w > 64        # set w to a number, or bound it: symbols: {w: {min: 65}}
""",
    ),
    "AC137": (
        "impossible bounds of a symbol",
        """A symbol takes the multiples of multiple_of from min to max. The three bounds are numbers, min and
multiple_of are at least 1, and max is not less than min.

    symbols: {T: {min: 1, max: 4096, multiple_of: 64}}
""",
    ),
    "AC138": (
        "no such block to checkpoint",
        """`--checkpoint NAME` (activation checkpointing) takes the name of a block under `blocks:`. Every expansion
of that block then keeps only its inputs and runs again in the backward pass. A block inside a
checkpointed block runs again with the outer one: name only one of the two.
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
    "AC140": (
        "an input shape that cannot be read",
        """`--input` gives an input another shape, written as the spec writes it, without the batch. Where the
network has several inputs, the name comes first:

    archcalc report resnet50 --input 3,448,448
    archcalc report unet.yaml --input image=3,256,256 --input mask=1,256,256

`--set H=448` changes one axis of every input that has it, and `--set mask_H=448` that of one input.
""",
    ),
    "AC141": (
        "a sweep cannot be read",
        """An axis of `archcalc sweep` is a name and its values: a range by steps (w=16..128:8) or by factors
(w=16..1024*2), or a list (w=16,24,64, act=relu|silu). Names that share an axis have the same value
(H=W=128..384:32). Quantities are those of `report` and `solve`, and receptive_field.
""",
    ),
    "AC142": (
        "several outputs, and names for them",
        """`split` has several outputs. A name for each makes them values of their own; one name makes a list; `index`
chooses one of them:

    - q, k, v = split(3)              # then attend: [q, k, v]
    - parts = split(4)                # then parts[0], parts.*
    - split(2, index=1)               # the second half alone

A layer or a block after it begins with one of the names, because a chain carries one value. The layers of a
block are outputs of another kind: `t = two(8)`, then `t.wide`.
""",
    ),
    "AC201": (
        "an input that the layer does not accept",
        """The input violates a requirement of the layer: shapes that must be equal differ, groups do not divide
the channels, or a window is larger than its input. The message shows the numbers; the note shows where
they come from.
""",
    ),
    "AC202": (
        "wrong number of spatial axes",
        """`conv2d` requires two spatial axes and `conv1d` one; `conv` accepts any number from one to three. A flat
volume has none: put convolutions before `flatten` and `fc`.
""",
    ),
    "AC203": (
        "wrong number of inputs",
        """Merges (`add`, `mul`, `concat`) take two paths or more. Other layers and blocks take one input. `prev`
is the input of the item. A path whose condition is false is left out; at least one path must remain.

    - add: [conv(3, 64, p1), prev]
    - add: [conv(3, 64, p1), conv(1, 64) if wide else prev]
""",
    ),
    "AC206": (
        "a layer cannot run again here",
        """The layer's first input determined the shape of its weights. An input with a different number of channels
(or, for `fc`, of a different size) does not fit them.
""",
    ),
    "AC207": (
        "weights cannot be shared",
        """`tie` shares one tensor between two layers, so both must have a weight of the same shape:
fc(vocab, bias=false, tie=embedding).
""",
    ),
    "AC208": (
        "an axis is too long",
        """The output of a layer would have more than 10,000,000 elements along one axis. Check for a mistyped number
or swapped arguments: conv(kernel_size, out_channels).
""",
    ),
    "AC209": (
        "no size fits",
        """No value of a free symbol within its bounds satisfies the requirements of all layers. The notes list the
requirements; `archcalc solve SPEC --for H` shows the sizes that each layer allows.
""",
    ),
    # --- AC3xx: expectations and verification ---
    "AC300": (
        "an expected number differs",
        """`expect:` states a published number, and the computed number differs. Either the spec differs from the
published network, or the publication counts differently or contains an error. Explain a known difference
in a comment.

    expect: {params: 25_557_032, macs: 4.09e9 +- 1%}
""",
    ),
    "AC301": (
        "an expectation of an unknown quantity",
        """`expect:` accepts totals (params, trainable_params, buffers, macs, flops, scalar, operations, output_bytes
and others), `output`, and `shapes` and `receptive_field` by layer.
""",
    ),
    "AC302": (
        "an expectation of an unknown layer",
        """`shapes:` and `receptive_field:` use the names of the table: layer3, layer3.1.conv2. A layer without a
name in the spec is named after its type and number: conv1.
""",
    ),
    "AC310": (
        "a layer cannot run again in PyTorch",
        """A layer with weights runs again on an input for which PyTorch needs a different module: for example, batch
norm on flat features after batch norm on an image. The numbers are correct, but no source can be generated.

    - n = batchnorm
    - gap -> n()          # write gap -> batchnorm
""",
    ),
    # --- AC50x to AC52x: code ---
    "AC500": (
        "code cannot be imported",
        """The code that the reference names cannot be found, built or run. What it raised stands in the message; the
place is its own line, and the notes list the calls that led there.

    archcalc import py:torchvision.models:resnet50 --input 3,224,224
    archcalc import my_net.py:Net --args 'depth=4' --input image=3,64,64
""",
    ),
    "AC501": (
        "code needs an input",
        """A network in code does not say what it takes. `--input` states the shape of one sample, without the batch;
with a name, it is that argument of forward; with a dtype, it holds integers: `--input ids=128:int64`.
""",
    ),
    "AC510": (
        "an operation has no layer",
        """The code calls an operation that no layer describes. It is kept as `opaque`: its sizes, weights and MACs are
measured at this size, so that totals are exact. Closed forms, other sizes and memory are not known for it.
""",
    ),
    "AC511": (
        "parameters are not used",
        """In evaluation, no operation reads these parameters: auxiliary heads, or modules that forward does not call.
The spec does not have them, and no total counts them.
""",
    ),
    "AC512": (
        "an import cannot be compared by its outputs",
        """Some operations of the code have no layer, so that no module can be generated that computes them. The totals
of the import are compared with torch all the same.
""",
    ),
    "AC513": (
        "parameters that torch does not know",
        """The code reads parameters that are in no registered module: those in a list, tuple or mapping of Python.
`model.parameters()` and `state_dict()` leave them out, so that they are neither learned nor saved. The spec has them.

    self.layers = [nn.Linear(4, 4)]                  # write nn.ModuleList([nn.Linear(4, 4)])
""",
    ),
    "AC514": (
        "the sizes of an import are fixed",
        """The code was run at other sizes of its inputs, too, and the spec does not describe it there: a call reshapes
to a number of its own, or an operation without a layer was measured at one size. The place is the call that fixes the
sizes. At the size of the import, all numbers are exact.
""",
    ),
    "AC515": (
        "a dropout has no layer",
        """The code drops something in training that no layer drops: whole positions of tokens, or whole channels so
that mean and variance stay as they are. In evaluation it does nothing, and the import leaves it out. Memory of
training is predicted without it.
""",
    ),
    "AC520": (
        "the code reads a value",
        """The network decides what to do by a value that it computed: `if y.sum() > 0`, `int(y.argmax())`, `y[y > 0]`.
archcalc runs code without values. `--run-on cpu` runs it with its weights and one random input, and the spec describes
what the network did then. `--until MODULE` imports the part before this line.
""",
    ),
    "AC522": (
        "samples of a batch meet",
        """An operation computes something from several samples of the batch: a similarity of all pairs, a mean over the
batch. archcalc describes one sample. Import the part before it with `--until MODULE`.
""",
    ),
    "AC523": (
        "operations that cannot be seen",
        """A part of the network was compiled: by `torch.jit.script` or `torch.jit.trace`, or in a language other than
Python. archcalc sees the functions of torch that Python calls. A reference to code (`py:my_net.py:Net`) is built
without compilers, so that this needs no change; with `from_torch`, set PYTORCH_JIT=0 in the environment before torch is
imported.
""",
    ),
    "AC530": (
        "a node of an ONNX file cannot be followed",
        """archcalc does not know the operator, or its sizes depend on values. The line is the number of the node in the
file. An operator that is not known is kept as it is where the file says the shape of what it makes.

    onnx.save(onnx.shape_inference.infer_shapes(onnx.load("model.onnx")), "model.onnx")
""",
    ),
    "AC531": (
        "an ONNX file is damaged",
        """The file contradicts itself, ends too early, or is larger than anything that is read: 4 GiB, 200,000 nodes,
16 levels of graphs inside of nodes. Weights may lie in other files, which are not needed.
""",
    ),
    # --- AC54x: checkpoints and configurations ---
    "AC532": (
        "a program of torch.export is damaged",
        """The file is no zip archive with one program in JSON, as torch.export.save writes it since torch 2.8, or it
contradicts itself. Nothing else in it is read: neither weights nor the example, which is a pickle.
""",
    ),
    "AC533": (
        "a node of a program of torch.export cannot be followed",
        """It calls something else than an operator of torch, reads a value, or has sizes in which the batch of its
example is written down. Export it with a free batch, or import the code itself.

    batch = torch.export.Dim("batch")
    program = torch.export.export(net.eval(), (x,), dynamic_shapes={"x": {0: batch}})
    torch.export.save(program, "model.pt2")
""",
    ),
    "AC540": (
        "a checkpoint is not a network",
        """A checkpoint contains weights by name, and nothing about what is computed with them. `archcalc diff` compares
its names and shapes with those of a network.

    archcalc diff llama2 model.safetensors
""",
    ),
    "AC541": (
        "a checkpoint of torch is a pickle",
        """A pickle is a program. Reading it can run any code of whoever wrote it, so archcalc reads none. Load it where
you trust it, and save its weights as safetensors, of which archcalc reads the header and nothing else.

    weights = torch.load("model.pt", weights_only=True)
    safetensors.torch.save_file(weights, "model.safetensors")
""",
    ),
    "AC542": (
        "a checkpoint is damaged",
        """The header of the file contradicts itself or the size of the file: a download was interrupted, or it is
another kind of file with this suffix. Only the header is read; the tensors are not.
""",
    ),
    "AC543": (
        "a map of names cannot be read",
        """The file that `--names` gives is a mapping in YAML of names of the network, or of the beginnings of names, to
those of the checkpoint. `*` stands for a number.

    layers.*.norm1: model.layers.*.input_layernorm
    embed_tokens: model.embed_tokens
""",
    ),
    "AC544": (
        "a map of names gives one name to several weights",
        """Two weights of the network would be the same weight of the checkpoint. Make the patterns of the map more
specific, and write those that are tried first above the others.

    layers.*: model.layers.*        # before: layers.0: model.layers.0
""",
    ),
    "AC545": (
        "a field of a configuration is left out",
        """The configuration has a field that its family is not known to have, or one that changes values but neither
shapes nor totals. In the first case, the network may be another one: compare its totals with published ones.

    "rope_scaling": {"rope_type": "llama3", ...}      # changes angles, and no totals
""",
    ),
    "AC546": (
        "a field of a configuration has a value that is not described",
        """The value would change the network in a way that no spec of this family describes, or it is not a value of
this field. Write the network as a spec, or import its code.
""",
    ),
    "AC547": (
        "an unknown family of models",
        """A configuration of Hugging Face names its family in `model_type`, and archcalc has a file for each family
that it knows. Other networks can be imported from their code, which runs it.

    archcalc report config.json        # "model_type": "llama"
""",
    ),
    # --- AC56x: the configuration ---
    "AC560": (
        "the configuration cannot be read",
        """The nearest `archcalc.toml`, or the nearest `pyproject.toml` with the table `[tool.archcalc]`, is not TOML,
or has a key that archcalc does not know. `archcalc config` lists the keys and their values.

    [tool.archcalc]
    ignore = ["AR301"]
    convention = "flops"
""",
    ),
    "AC561": (
        "a value of the configuration is wrong",
        """A key of the configuration has a value that the option of its name does not take.

    units = "rounded"      # auto, exact or short
""",
    ),
}
