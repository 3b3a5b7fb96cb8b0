// The graph: only what is on the screen is drawn, so that ten thousand open layers scroll as smoothly as ten.

const MARGIN = 400, BAND = 800;

const graph = {
  zoom: 1,

  show() {
    const { network } = page, box = laidOut(network, network.root), panel = $("graph");
    this.box = box;
    this.shapes = flattened(box, 20, 0, 0, []);
    this.bands = new Map();
    this.shapes.forEach((shape, i) => {
      for (let band = Math.floor(shape.top / BAND); band <= Math.floor(shape.bottom / BAND); band++) {
        if (!this.bands.has(band)) this.bands.set(band, []);
        this.bands.get(band).push(i);
      }
    });
    this.width = box.width + 40;
    this.height = box.height + 10;
    this.size();
    panel.setAttribute("aria-label", `Graph of ${printable(network.name)}. Arrow keys move the selection, Enter opens or folds a block.`);
  },

  // The panel is measured before anything is written: the browser lays the page out once.
  size() {
    const { clientWidth, clientHeight, scrollTop } = $("graph"), height = this.height * this.zoom;
    this.left = Math.max(0, (clientWidth / this.zoom - this.width) / 2);
    $("graph-space").style.width = `${this.width * this.zoom}px`;
    $("graph-space").style.height = `${height}px`;
    this.drawn = null;
    this.draw({ clientWidth, clientHeight, scrollTop: Math.max(0, Math.min(scrollTop, height - clientHeight)) });
  },

  // The part of the graph that the panel shows, with a margin.
  draw(panel = $("graph")) {
    const zoom = this.zoom;
    const top = panel.scrollTop / zoom, height = panel.clientHeight / zoom;
    if (this.drawn && top >= this.drawn.top + Math.min(60, this.drawn.top) && top + height <= this.drawn.bottom - 60 && this.drawn.zoom === zoom) return;
    if (this.drawn && this.drawn.zoom === zoom && this.drawn.top === 0 && this.drawn.bottom >= this.height) return;
    const first = Math.max(0, top - MARGIN), last = top + height + MARGIN;
    this.drawn = { top: first, bottom: last, zoom };
    const svg = $("graph-picture");
    svg.style.top = `${first * zoom}px`;
    svg.setAttribute("width", Math.max(this.width * zoom, panel.clientWidth - 2));
    svg.setAttribute("height", Math.min(last - first, this.height - first) * zoom);
    const width = Math.max(this.width, (panel.clientWidth - 2) / zoom);
    svg.setAttribute("viewBox", `${-this.left} ${first} ${width} ${Math.min(last - first, this.height - first)}`);
    svg.innerHTML = ARROW + this.picture(first, last);
    this.markSelection();
  },

  picture(first, last) {
    const seen = new Set();
    for (let band = Math.floor(first / BAND); band <= Math.floor(last / BAND); band++) {
      for (const i of this.bands.get(band) || []) seen.add(i);
    }
    const parts = [];
    for (const i of [...seen].sort((a, b) => a - b)) {
      const shape = this.shapes[i];
      if (shape.bottom >= first && shape.top <= last) parts.push(pictureOf(shape));
    }
    return parts.join("");
  },

  // The box that shows a node: its own, or that of the closed block or stack around it.
  boxOf(node) {
    const path = [];
    for (let each = node; each.parent; each = each.parent) path.unshift(each);
    let shown = page.network.root;
    for (const each of path) {
      shown = each.stack || each;
      if (!shown.isOpen || (shown.run && each !== shown.run[0])) break;
    }
    return this.shapes.find(shape => shape.box && shape.box.node && (shape.box.node === shown || shape.box.joined.some(layer => layer.node === shown)));
  },

  markSelection() {
    for (const old of $("graph-picture").querySelectorAll(".selected")) old.classList.remove("selected");
    const shape = page.selected && this.boxOf(page.selected);
    const element = shape && $("graph-picture").querySelector(`[data-node="${shape.box.node.id}"]`);
    if (element) element.classList.add("selected");
    return shape;
  },

  reveal() {
    const shape = this.markSelection(), panel = $("graph");
    if (!shape) return;
    const top = shape.y * this.zoom, bottom = top + Math.min(shape.box.height * this.zoom, panel.clientHeight / 2);
    if (top < panel.scrollTop || bottom > panel.scrollTop + panel.clientHeight) panel.scrollTop = top - panel.clientHeight / 3;
    const x = (shape.x + this.left + shape.box.width / 2) * this.zoom;
    if (x < panel.scrollLeft || x > panel.scrollLeft + panel.clientWidth) panel.scrollLeft = x - panel.clientWidth / 2;
  },

  toggle(node) {
    node.isOpen = !node.isOpen;
    for (let each = node; each; each = each.parent) {
      each.box = null;
      if (each.stack) each.stack.box = null;
    }
    this.show();
  },

  // Opens every block down to a depth.
  open(depth) {
    const set = (node, at) => {
      node.box = null;
      node.isOpen = at > 0 && at <= depth;
      for (const child of node.view || []) if (!child.leaf) set(child, at + 1);
    };
    set(page.network.root, 0);
    this.show();
    page.time("opened");
  },

  scale(factor) {
    const panel = $("graph"), middle = (panel.scrollTop + panel.clientHeight / 2) / this.zoom;
    this.zoom = Math.min(2.5, Math.max(0.15, this.zoom * factor));
    this.size();
    panel.scrollTop = middle * this.zoom - panel.clientHeight / 2;
    this.draw();
  },

  center() {
    const panel = $("graph"), first = this.shapes.find(shape => shape.kind === "input");
    if (first) panel.scrollLeft = (first.x + this.left + first.box.width / 2) * this.zoom - panel.clientWidth / 2;
  },

  // The whole graph as a file of its own, with the colours of the page.
  save() {
    const style = getComputedStyle(document.documentElement);
    const colors = [...document.styleSheets[0].cssRules[0].style].filter(name => name.startsWith("--"));
    const values = colors.map(name => `${name}:${style.getPropertyValue(name)}`).join(";");
    const rules = [...document.styleSheets[0].cssRules].map(rule => rule.cssText).filter(text => text.startsWith(".picture"));
    const text = `<svg xmlns="http://www.w3.org/2000/svg" class="picture" viewBox="0 0 ${this.width} ${this.height}" width="${this.width}" height="${this.height}">`
      + `<style>svg{${values};background:var(--panel);font-family:system-ui,sans-serif}${rules.join("")}</style>`
      + `${ARROW}${this.shapes.map(pictureOf).join("")}</svg>`;
    save(text, "image/svg+xml", `${page.network.name}.svg`);
  },
};

const ARROW = '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="var(--muted)"/></marker></defs>';

function pictureOf(shape) {
  if (shape.kind === "edge") {
    const end = shape.edge.to.kind === "exit" ? "" : ' marker-end="url(#arrow)"';
    return `<path class="edge" transform="translate(${shape.x} ${shape.y})" d="${shape.edge.path}"${end}/>`;
  }
  if (shape.kind === "block") return pictureOfBlock(shape);
  if (shape.kind === "card") return pictureOfCard(shape);
  const { x, y, box } = shape;
  const label = `<tspan class="strong">${escaped(short(box.name, 18))}</tspan>  ${escaped(short(times(box.shape), 26 - Math.min(18, box.name.length)))}`;
  return `<g class="pill" transform="translate(${x} ${y})"><rect width="${box.width}" height="${box.height}" rx="19"/>`
    + `<text x="${box.width / 2}" y="24" text-anchor="middle">${label}</text></g>`;
}

function pictureOfBlock({ x, y, box, depth }) {
  const { node } = box, value = node[page.measure];
  const count = node.run ? `<tspan class="muted"> × ${node.run.length}, one shown</tspan>` : "";
  const amount = box.width > 290 ? `<text class="muted" text-anchor="end" x="${box.width - 12}" y="23">${MEASURES[page.measure].short(value)}${node.run ? " in all" : ""}</text>` : "";
  return `<g class="block${depth % 2 ? " odd" : ""}" data-node="${node.id}" transform="translate(${x} ${y})"><rect width="${box.width}" height="${box.height}" rx="10"/>`
    + `<rect class="handle" width="${box.width}" height="34" rx="10"/><text x="12" y="23"><tspan class="muted">▾ </tspan><tspan class="strong">${escaped(short(node.name, Math.floor((box.width - (node.run ? 130 : 40)) / 8)))}</tspan>${count}</text>${amount}</g>`;
}

function pictureOfCard({ x, y, box }) {
  const { node } = box, layer = node.leaf, { width, height } = box, color = layer ? colorOf(layer) : "var(--muted)";
  const value = box.joined.reduce((sum, each) => sum + each[page.measure], node[page.measure]);
  const part = Number(value) / (Number(page.network.root[page.measure]) || 1);
  const behind = node.run ? `<rect x="6" y="-6" width="${width}" height="${height}" rx="8"/><rect x="3" y="-3" width="${width}" height="${height}" rx="8"/>` : "";
  const more = box.joined.length
    ? `+ ${box.joined.map(each => each.type).join(" + ")}`
    : layer ? (layer.last.startsWith(layer.type.slice(0, 3)) ? "" : layer.type) : kindOf(node);
  const side = short(more, 19), name = `${layer ? "" : "▸ "}${node.name}`;
  return `<g class="card ${node.mark || ""}" data-node="${node.id}" transform="translate(${x} ${y})">${behind}<rect width="${width}" height="${height}" rx="8"/>`
    + `<path d="M8 0H6a6 6 0 0 0-6 6V${height - 6}a6 6 0 0 0 6 6H8z" style="fill:${color}"/>`
    + `<text class="strong" x="16" y="21">${escaped(short(name, Math.floor((width - 34 - 6.4 * side.length) / 7.2)))}</text>`
    + `<text class="muted" text-anchor="end" x="${width - 10}" y="21">${escaped(side)}</text>`
    + `<text class="muted" x="16" y="39">${escaped(short(times(box.end.shape), 17))}</text>`
    + (value ? `<text class="muted" text-anchor="end" x="${width - 10}" y="39">${MEASURES[page.measure].short(value)} · ${share(value, page.network.root[page.measure])}</text>`
      + `<rect class="amount" x="16" y="${height - 8}" width="${Math.max(1, (width - 26) * part).toFixed(1)}" height="3.5" rx="1.7" style="fill:${color}"/>` : "")
    + "</g>";
}
