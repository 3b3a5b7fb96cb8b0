// The receptive field: what the middle element of a layer sees of an input, and how it grows with depth.

// What the table shows of a field: the largest, as the command line does.
function fieldText(layer) {
  if (!layer.fields) return "";
  const { network } = page, largest = layer.fields[0];
  if (!largest.size) return "?";
  const text = largest.global ? "all" : largest.size.every(n => n === largest.size[0]) ? `${largest.size[0]}` : largest.size.join("x");
  return network.fieldInputs.length > 1 ? `${text} of ${escaped(short(network.inputs[largest.input][0], 12))}` : text;
}

const ratio = value => (typeof value === "string" ? value.split("/").reduce((a, b) => Number(a) / Number(b)) : value);

const field = {
  show() {
    const { network } = page;
    this.seen = network.layers.filter(layer => layer.fields && layer.fields.some(each => each.size));
    $("field-section").hidden = !this.seen.length;
    if (!this.seen.length) return;
    const several = network.fieldInputs.length > 1;
    $("field-input").hidden = !several;
    $("field-input").innerHTML = network.fieldInputs.map(i => `<option value="${i}">${escaped(network.inputs[i][0])}</option>`).join("");
    this.input = network.fieldInputs[0];
    this.choose();
  },

  // The layers that see the chosen input.
  choose() {
    const of = layer => layer.fields.find(each => each.input === this.input && each.size);
    this.points = this.seen.filter(of).map(layer => ({ layer, ...of(layer) }));
    if (!this.points.length) return;
    $("field-layer").max = this.points.length - 1;
    this.lengths = page.network.inputs[this.input][1].slice(-this.points[0].size.length);
    this.growth();
    const large = this.points.findIndex(point => !point.global && point.size[0] > 0.35 * this.lengths[0]);
    this.at(large < 0 ? this.points.length - 1 : large);
  },

  growth() {
    const box = $("field-growth"), width = box.clientWidth, height = 260, axis = 0;
    const size = point => (point.global ? this.lengths[axis] : point.size[axis]);
    const most = this.points.reduce((high, point) => Math.max(high, size(point)), this.lengths[axis]);
    this.x = i => 44 + ((width - 56) * i) / Math.max(1, this.points.length - 1);
    const y = n => height - 26 - ((height - 46) * Math.log2(Math.max(1, n))) / Math.log2(Math.max(2, most));
    this.y = i => y(size(this.points[i]));
    const ticks = [];
    for (let n = 1; n <= most; n *= most > 5000 ? 8 : most > 600 ? 4 : 2) ticks.push(n);
    const line = this.points.map((point, i) => `${i ? "L" : "M"}${this.x(i).toFixed(1)} ${this.y(i).toFixed(1)}`).join("");
    const own = y(this.lengths[axis]);
    box.innerHTML = `<svg class="picture" width="${width}" height="${height}" role="img" aria-label="The receptive field of every layer in order, on a logarithmic scale">`
      + ticks.map(n => `<line class="grid" x1="42" x2="${width - 8}" y1="${y(n).toFixed(1)}" y2="${y(n).toFixed(1)}"/>${Math.abs(y(n) - own) > 12 ? `<text class="muted" x="36" y="${(y(n) + 4).toFixed(1)}" text-anchor="end">${n}</text>` : ""}`).join("")
      + `<line x1="42" x2="${width - 8}" y1="${own}" y2="${own}" class="own"/><text x="36" y="${own + 4}" text-anchor="end" class="own">${this.lengths[axis]}</text><text x="48" y="${own - 6}" class="own">length of the input</text>`
      + `<path class="line" d="${line}"/><circle id="field-point" r="5" style="fill:var(--accent)"/>`
      + `<text class="muted" x="44" y="${height - 6}">first layer</text><text class="muted" x="${width - 8}" y="${height - 6}" text-anchor="end">last</text></svg>`;
  },

  at(i) {
    const point = this.points[i], { layer, size, jump, start } = point, lengths = this.lengths;
    $("field-layer").value = i;
    $("field-point").setAttribute("cx", this.x(i));
    $("field-point").setAttribute("cy", this.y(i));
    const outputs = layer.shape.slice(-size.length), isPlaced = layer.shape.length > size.length || size.length === 1;
    const begin = size.map((n, axis) => point.global ? 0 : Number(start[axis]) + Math.floor(((isPlaced ? outputs[axis] : 1) - 1) / 2) * ratio(jump[axis]));
    const extent = point.global ? lengths : size;
    const isOutside = begin.some((n, axis) => n < 0 || n + extent[axis] > lengths[axis]);
    const text = point.global
      ? "every element depends on the whole input"
      : `the middle element sees ${times(size)} of ${times(lengths)}${isOutside ? ", partly in the padding" : ""}; neighbours are ${times(jump)} apart`;
    $("field-text").innerHTML = `<b>${escaped(short(layer.name, 80))}</b>: ${text}`;
    $("field-layer").setAttribute("aria-valuetext", `${printable(layer.name)}: ${text}`);
    this.picture(begin, extent);
  },

  // The input from above, at most two of its axes, and the field on it.
  picture(begin, extent) {
    const axes = this.lengths.length, box = $("field"), width = Math.min(300, box.clientWidth);
    const [h, w] = axes > 1 ? this.lengths.slice(-2) : [this.lengths[0] / 8, this.lengths[0]];
    const [y0, x0] = axes > 1 ? begin.slice(-2) : [0, begin[0]], [dy, dx] = axes > 1 ? extent.slice(-2) : [h, extent[0]];
    const longest = Math.max(h, w), out = Math.min(0.5, Math.max(0, -y0 / longest, -x0 / longest, (y0 + dy - h) / longest, (x0 + dx - w) / longest));
    const scale = width / (longest * (1 + 2 * out)), edge = out * longest * scale;
    const tall = axes > 1 ? h * scale + 2 * edge : Math.max(40, h * scale);
    const lines = [], step = 2 ** Math.max(0, Math.round(Math.log2(longest / 14)));
    for (let n = 0; n <= w; n += step) lines.push(`<line x1="${edge + n * scale}" x2="${edge + n * scale}" y1="${axes > 1 ? edge : 0}" y2="${axes > 1 ? edge + h * scale : tall}"/>`);
    if (axes > 1) for (let n = 0; n <= h; n += step) lines.push(`<line y1="${edge + n * scale}" y2="${edge + n * scale}" x1="${edge}" x2="${edge + w * scale}"/>`);
    const top = axes > 1 ? edge : 0, high = axes > 1 ? h * scale : tall;
    box.innerHTML = `<svg class="picture" width="${width}" height="${tall.toFixed(0)}" role="img" aria-label="The field on the input"><rect x="${edge}" y="${top}" width="${w * scale}" height="${high}" style="fill:var(--soft)"/>`
      + `<g class="mesh">${lines.join("")}</g><rect x="${edge}" y="${top}" width="${w * scale}" height="${high}" class="frame"/>`
      + `<rect class="seen" x="${edge + x0 * scale}" y="${axes > 1 ? edge + y0 * scale : 4}" width="${Math.max(2, dx * scale)}" height="${axes > 1 ? Math.max(2, dy * scale) : tall - 8}"/></svg>`;
  },

  reveal() {
    const layer = this.points && page.selected && page.selected.leaf;
    if (!layer) return;
    const i = this.points.findIndex(point => point.layer === layer);
    if (i >= 0) this.at(i);
  },

  play() {
    clearInterval(this.timer);
    let i = 0;
    this.timer = setInterval(() => {
      if (i >= this.points.length) { clearInterval(this.timer); return; }
      this.at(Math.floor(i));
      i += Math.max(1, this.points.length / 120);
    }, 60);
  },
};
