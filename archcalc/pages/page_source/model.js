// The networks of a page, from the packed data: layers, the tree of blocks, stacks of identical blocks.

const $ = id => document.getElementById(id);
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
const printable = text => String(text).replace(HIDDEN, "\ufffd");
const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escaped = text => printable(text).replace(/[&<>"']/g, character => ENTITIES[character]);
const short = (text, room) => (text.length > room ? text.slice(0, Math.max(1, room - 1)) + "…" : text);

const UNITS = ["", "K", "M", "G", "T", "P", "E"];
// 25,557,032 -> 25.6 M: three digits and a decimal prefix.
function rounded(count) {
  let n = Number(count), unit = 0;
  while (Math.abs(n) >= 999.5 && unit < UNITS.length - 1) { n /= 1000; unit++; }
  return unit ? `${n.toPrecision(3)} ${UNITS[unit]}` : `${n}`;
}
const bytes = count => (Number(count) < 1000 ? `${count} B` : `${rounded(count)}B`);
const exact = count => (count == null ? "" : count.toLocaleString("en-US"));
function share(part, whole) {
  const x = whole ? Number(part) / Number(whole) : 0;
  return x >= 0.9995 ? "100 %" : x >= 0.0995 ? `${(100 * x).toFixed(0)} %` : x > 0 ? `${(100 * x).toFixed(1)} %` : "0 %";
}
const times = sizes => sizes.join(" × ");

const MEASURES = {
  params: { title: "Parameters", short: rounded },
  macs: { title: "MACs", short: rounded },
  output: { title: "Output bytes", short: bytes },
  saved: { title: "Saved for backward", short: bytes },
};

// The colour of each family of layers; a family that is not listed has the colour of "other".
const COLORS = {
  "Convolution": "conv", "Upsampling and resizing": "conv",
  "Linear, maxout and RBF layers": "linear",
  "Attention": "attention", "Mixture of experts": "attention",
  "Normalisation": "norm",
  "Activations and softmax": "activation", "Dropout and sampling": "activation",
  "Pooling": "pool",
  "Merges and products": "merge", "Reshaping, padding and cropping": "merge", "Residual branches and scaling": "merge",
  "Embeddings, tokens and positions": "embedding",
  "Learned values": "embedding",
  "Recurrent layers": "recurrent",
};
const colorOf = layer => `var(--${COLORS[layer.family] || "other"})`;

// A number that JSON has as text is too large for a double: it is computed with as an integer.
const counted = values => (values.some(each => typeof each === "string") ? values.map(BigInt) : values);

class Network {
  constructor(packed) {
    Object.assign(this, packed);
    this.layers = this.unpacked(packed.layers);
    for (const layer of this.layers) for (const source of layer.sources) if (source >= 0) this.layers[source].users.push(layer.index);
    this.measures = Object.keys(MEASURES).filter(name => packed.layers[name]);
    this.nodes = [];
    this.root = this.tree();
    this.sum(this.root);
    this.arrange(this.root);
    this.firstMeasure = this.root.macs ? "macs" : "params";
  }

  unpacked(columns) {
    const counts = {};
    for (const name in MEASURES) if (columns[name]) counts[name] = counted(columns[name]);
    return columns.last.map((last, index) => {
      const block = columns.block[index], type = this.types[columns.type[index]];
      const given = [].concat(columns.sources[index]);
      const layer = {
        index, last, block, type: type[0], family: this.families[type[1]],
        name: block < 0 ? last : `${this.blocks[block][0]}.${last}`,
        sources: given.map(each => (each > 0 ? index - each : each - 1)), users: [],
        shape: this.shapes[columns.shape[index]], call: this.calls[columns.call[index]],
        fields: columns.field[index] < 0 ? null : this.fields[columns.field[index]],
        line: columns.line[index],
      };
      for (const name in counts) layer[name] = counts[name][index];
      return layer;
    });
  }

  sourceName(source) { return source >= 0 ? this.layers[source].name : this.inputs[-2 - source][0]; }

  node(fields) {
    const made = { id: this.nodes.length, children: [], layers: [], isOpen: false, ...fields };
    this.nodes.push(made);
    return made;
  }

  // The blocks as a tree; its leaves are the layers.
  tree() {
    const root = this.node({ name: this.name, path: "" });
    const blocks = new Map([["", root]]);
    const blockNode = path => {
      if (blocks.has(path)) return blocks.get(path);
      const dot = path.lastIndexOf("."), parent = blockNode(path.slice(0, Math.max(dot, 0)));
      const made = this.node({ name: path.slice(dot + 1), path, parent });
      parent.children.push(made);
      blocks.set(path, made);
      return made;
    };
    const calls = new Map(this.blocks.map(([path, call]) => [path, call]));
    for (const layer of this.layers) {
      const parent = blockNode(layer.block < 0 ? "" : this.blocks[layer.block][0]);
      layer.node = this.node({ name: layer.last, path: layer.name, parent, leaf: layer, layers: [layer.index] });
      parent.children.push(layer.node);
      for (let each = parent; each; each = each.parent) each.layers.push(layer.index);
    }
    for (const [path, made] of blocks) if (calls.has(path)) made.call = this.calls[calls.get(path)];
    return root;
  }

  sum(node) {
    for (const child of node.children) this.sum(child);
    for (const name of this.measures) {
      node[name] = node.leaf ? node.leaf[name] : node.children.map(each => each[name]).reduce((a, b) => a + b);
    }
    const { leaf } = node;
    node.form = leaf
      ? [leaf.last, leaf.call, leaf.shape, ...this.measures.map(name => node[name])].join()
      : node.children.map(each => (each.leaf ? each.form : `${each.name}(${each.form})`)).join(";");
  }

  // What is shown inside each block: its children, with runs of identical blocks as one stack.
  arrange(node) {
    const runs = [];
    for (const child of node.children) {
      this.arrange(child);
      const last = runs[runs.length - 1];
      if (!child.leaf && last && !last[0].leaf && last[0].form === child.form) last.push(child);
      else runs.push([child]);
    }
    node.view = runs.map(run => (run.length > 1 ? this.stack(run, node) : run[0]));
  }

  stack(run, parent) {
    const first = run[0], last = run[run.length - 1];
    const made = this.node({
      name: `${first.name} … ${last.name}`, path: `${first.path} … ${last.name}`, parent, run, call: first.call,
      layers: run.flatMap(each => each.layers), view: first.view,
    });
    for (const name of this.measures) made[name] = run.map(each => each[name]).reduce((a, b) => a + b);
    for (const each of run) each.stack = made;
    return made;
  }
}

const lastLayer = (network, node) => network.layers[node.layers[node.layers.length - 1]];
// The layers that are drawn of a node: of a stack, those of its first block.
const drawnLayers = node => (node.run ? node.run[0].layers : node.layers);
const kindOf = node =>
  node.leaf ? node.leaf.type : node.run ? `${node.run.length} × ${node.run[0].layers.length} layers` : `${node.layers.length} layer${node.layers.length > 1 ? "s" : ""}`;
