// The page: which network is shown, what is selected, and which part shows it. Each part shows the same selection.

const page = {
  network: null, selected: null, measure: "macs", marks: {},

  async start() {
    this.networks = (await data()).map(packed => new Network(packed));
    if (!this.networks.length) {
      for (const part of document.querySelectorAll("section")) part.hidden = true;
      this.time("ready");
      return;
    }
    this.listen();
    this.choose();
    this.open(0);
    this.time("ready");
  },

  // The switch between the networks, where there are several.
  choose() {
    const choice = $("network");
    choice.innerHTML = this.networks.map((network, i) => `<option value="${i}">${escaped(short(network.name || "Network", 60))}</option>`).join("");
    choice.hidden = this.networks.length < 2;
  },

  // Other networks in the place of these; what was open and selected stays so where it is still there.
  replace(packed) {
    const { network: before, selected, measure } = this, panels = ["graph", "table-panel"].map(id => [$(id), $(id).scrollTop]);
    this.networks = packed.map(each => new Network(each));
    this.choose();
    this.open(0, new Map(before.nodes.map(node => [node.path, node])));
    if (this.network.measures.includes(measure)) this.measureBy(measure);
    const same = selected && this.network.nodes.find(node => node.path === selected.path);
    if (same) this.select(same, "start");
    for (const [panel, top] of panels) panel.scrollTop = top;
    graph.draw();
  },

  time(name) { this.marks[name] = performance.now(); document.documentElement.dataset[name] = Math.round(this.marks[name]); },

  open(i, before = new Map()) {
    this.network = this.networks[i];
    this.measure = this.network.firstMeasure;
    shares.root = null;
    table.sort = null;
    this.head();
    this.choices();
    const { root } = this.network, blocks = root.view.filter(node => !node.leaf);
    if (this.network.layers.length > 40) for (let node = blocks[0]; node && !node.leaf; node = node.view.find(each => !each.leaf)) node.isOpen = true;
    else for (const node of this.network.nodes) node.isOpen = !node.leaf;
    for (const node of this.network.nodes) {
      const old = before.get(node.path);
      if (old && !node.leaf && !old.leaf) [node.isOpen, node.isUnfolded] = [old.isOpen, old.isUnfolded];
    }
    graph.show();
    graph.center();
    for (const part of [table, memory, field, formulas, spec]) part.show();
    shares.show();
    const largest = this.network.layers.reduce((best, layer) => (layer[this.measure] > best[this.measure] ? layer : best), this.network.layers[0]);
    if (largest) this.select(largest.node, "start");
  },

  head() {
    const { network } = this, { totals } = network;
    document.title = `${printable(network.name)} · archcalc`;
    $("title").textContent = $("brand").textContent = printable(short(network.name || "Network", 200));
    $("about").textContent = printable(network.about);
    $("source").textContent = printable(network.source);
    const inputs = network.inputs.map(([name, shape]) => `${name} ${times(shape)}`).join("; ");
    const switchNote = network.variants.length && this.networks.length < 2 ? ` · variants: ${network.variants.join(", ")}` : "";
    $("facts").textContent = printable(`${inputs} · batch ${network.batch} · ${network.dtype} · ${exact(network.layers.length)} layers${switchNote}`);
    $("figures").innerHTML = this.figures(totals).map(([label, value, note]) =>
      `<div class="figure"><dt>${label}</dt><dd><b>${value}</b><span>${note}</span></dd></div>`).join("");
    const used = [...new Set(network.layers.map(layer => layer.family))];
    $("legend").innerHTML = used.map(family => `<span><i class="dot" style="background:var(--${COLORS[family] || "other"})"></i>${escaped(family.toLowerCase())}</span>`).join("");
  },

  figures(totals) {
    const { network } = this, found = network.findings;
    const active = totals.active_params !== totals.params ? `, ${rounded(totals.active_params)} active per token` : "";
    const items = [["Parameters", rounded(totals.params), `${exact(totals.params)}${active}`], ["MACs", rounded(totals.macs), `${exact(totals.macs)}, batch ${network.batch}`]];
    const placed = network.layers.filter(layer => layer.fields && layer.fields[0].size && !layer.fields[0].global);
    if (placed.length) {
      const widest = placed.reduce((best, layer) => (layer.fields[0].size[0] > best.fields[0].size[0] ? layer : best));
      items.push(["Receptive field", times(widest.fields[0].size), `at ${escaped(short(widest.name, 40))}`]);
    }
    if (totals.kv_cache_bytes) items.push(["KV cache", `${bytes(totals.kv_cache_bytes_per_token)} per token`, `${exact(totals.kv_cache_bytes)} bytes in total`]);
    if (totals.training_peak_bytes) items.push(["Training peak", bytes(totals.training_peak_bytes), "activations and gradients"]);
    if (totals.iteration_peak_bytes) items.push([`Iteration with ${escaped(totals.optimizer)}`, bytes(totals.iteration_peak_bytes), "all of its memory"]);
    if (found) items.push(["Findings", `${found.length}`, found.length ? '<a href="#spec-section">in the spec</a>' : "none"]);
    return items;
  },

  choices() {
    for (const bar of document.querySelectorAll(".measures")) {
      bar.innerHTML = this.network.measures.map(name => `<button data-measure="${name}" aria-pressed="${name === this.measure}">${MEASURES[name].title}</button>`).join("");
    }
  },

  measureBy(name) {
    this.measure = name;
    this.choices();
    graph.drawn = null;
    graph.draw();
    shares.show();
    this.detail();
  },

  select(node, from) {
    this.selected = node;
    this.detail();
    if (from === "graph" || from === "start") graph.markSelection(); else graph.reveal();
    if (from === "table") { table.drawn = null; table.draw(); } else if (from !== "start") table.reveal();
    shares.mark();
    spec.mark();
    if (from !== "memory" && from !== "start") memory.reveal();
    if (from !== "field" && from !== "start") field.reveal();
  },

  detail() {
    const { network, selected: node } = this;
    if (!node) return;
    const layer = node.leaf, end = lastLayer(network, node), rows = [];
    const add = (label, value, note = "") => rows.push(`<dt>${label}</dt><dd>${value}${note ? `<span>${note}</span>` : ""}</dd>`);
    if (layer) add("inputs", layer.sources.map(source => escaped(short(network.sourceName(source), 60))).join(", "));
    add("output", escaped(times(end.shape)));
    for (const name of network.measures) {
      const isBytes = name === "output" || name === "saved";
      add(MEASURES[name].title, exact(node[name]), `${share(node[name], network.root[name])}${isBytes ? ` · ${bytes(node[name])}` : ""}`);
    }
    for (const each of end.fields || []) {
      const of = network.fieldInputs.length > 1 ? ` of ${escaped(short(network.inputs[each.input][0], 20))}` : "";
      if (!each.size) add(`field${of}`, "unknown", escaped(each.why));
      else if (each.global) add(`field${of}`, "the whole input");
      else add(`field${of}`, times(each.size), `jump ${times(each.jump)}`);
    }
    if (end.line) add("spec", `<a href="#line-${end.line}">line ${end.line}</a>`);
    const call = layer ? layer.call : node.call || "";
    $("detail").innerHTML = `<h3>${escaped(short(node.path || network.name, 200))}</h3><p class="muted">${layer ? `<i class="dot" style="background:${colorOf(layer)}"></i>` : ""}${kindOf(node)}</p>${call ? `<code>${escaped(short(call, 300))}</code>` : ""}<dl>${rows.join("")}</dl>`;
  },

  listen() {
    const nodeAt = event => {
      const element = event.target.closest("[data-node]");
      return element ? page.network.nodes[+element.dataset.node] : null;
    };
    $("network").onchange = event => this.open(+event.target.value);
    $("theme").onclick = () => {
      const { dataset } = document.documentElement;
      dataset.theme = dataset.theme === "dark" ? "light" : "dark";
    };
    document.addEventListener("click", event => {
      const button = event.target.closest("[data-measure]");
      if (button) this.measureBy(button.dataset.measure);
    });
    this.listenToGraph(nodeAt);
    this.listenToTable(nodeAt);
    $("shares").onclick = event => { const node = nodeAt(event); if (node) shares.click(node); };
    $("memory").onpointermove = event => this.moment(event);
    $("memory").onclick = event => { this.moment(event); this.select(memory.steps[memory.at].layer.node, "memory"); };
    $("memory-step").oninput = event => memory.point(+event.target.value);
    $("field-layer").oninput = event => field.at(+event.target.value);
    $("field-layer").onchange = event => this.select(field.points[+event.target.value].layer.node, "field");
    $("field-input").onchange = event => { field.input = +event.target.value; field.choose(); };
    $("field-play").onclick = () => field.play();
    $("symbols").oninput = () => formulas.compute();
    $("spec").onclick = event => {
      const line = event.target.closest("[data-line]");
      const layer = line && this.network.layers.find(each => each.line === +line.dataset.line);
      if (layer) this.select(layer.node, "spec");
    };
    let timer;
    addEventListener("resize", () => {
      clearTimeout(timer);
      timer = setTimeout(() => { graph.size(); shares.show(); memory.show(); field.show(); table.drawn = null; table.draw(); }, 100);
    });
  },

  listenToGraph(nodeAt) {
    const panel = $("graph");
    let drag = null;
    panel.addEventListener("scroll", () => requestAnimationFrame(() => graph.draw()), { passive: true });
    panel.onpointerdown = event => { if (event.pointerType === "mouse" && event.button === 0) drag = { x: event.clientX, y: event.clientY, left: panel.scrollLeft, top: panel.scrollTop, moved: false }; };
    panel.onpointermove = event => {
      if (!drag || !event.buttons) { drag = null; return; }
      const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
      if (Math.abs(dx) + Math.abs(dy) > 4) drag.moved = true;
      if (drag.moved) { panel.scrollLeft = drag.left - dx; panel.scrollTop = drag.top - dy; }
    };
    panel.onclick = event => {
      const node = nodeAt(event), wasDragged = drag && drag.moved;
      drag = null;
      if (!node || wasDragged) return;
      if (!node.leaf && (!node.isOpen || event.target.closest(".block"))) graph.toggle(node);
      this.select(node, "graph");
    };
    panel.addEventListener("wheel", event => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      graph.scale(event.deltaY < 0 ? 1.15 : 1 / 1.15);
    }, { passive: false });
    panel.onkeydown = event => this.keyInGraph(event);
    $("fold").onclick = () => { graph.open(0); graph.center(); };
    $("unfold").onclick = () => { graph.open(1); graph.center(); };
    $("unfold-all").onclick = () => { graph.open(99); graph.center(); };
    $("smaller").onclick = () => graph.scale(1 / 1.25);
    $("larger").onclick = () => graph.scale(1.25);
    $("save").onclick = () => graph.save();
  },

  // The arrow keys go through the cards from top to bottom, Enter opens and folds.
  keyInGraph(event) {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (step) {
      const cards = graph.shapes.filter(shape => shape.kind === "card" || shape.kind === "block").sort((a, b) => a.y - b.y || a.x - b.x);
      const current = this.selected && graph.boxOf(this.selected), place = cards.indexOf(current);
      const next = cards[Math.max(0, Math.min(cards.length - 1, place + step))];
      this.select(next.box.node, "keys");
    } else if (event.key === "Enter" || event.key === " ") {
      const shape = this.selected && graph.boxOf(this.selected);
      if (shape && !shape.box.node.leaf) { graph.toggle(shape.box.node); this.select(shape.box.node, "keys"); }
    } else if (event.key === "+" || event.key === "-") graph.scale(event.key === "+" ? 1.25 : 0.8);
    else return;
    event.preventDefault();
  },

  listenToTable(nodeAt) {
    $("table-panel").addEventListener("scroll", () => requestAnimationFrame(() => table.draw()), { passive: true });
    $("table-head").onclick = event => {
      const button = event.target.closest("[data-sort]");
      if (!button) return;
      const name = button.dataset.sort, before = table.sort;
      table.sort = before && before.name === name ? (before.sign < 0 ? { name, sign: 1 } : null) : { name, sign: -1 };
      table.show();
    };
    $("table-body").onclick = event => {
      const node = nodeAt(event);
      if (!node) return;
      if (!node.leaf) table.unfold(node, !node.isUnfolded);
      this.select(node, "table");
    };
    $("table-body").onkeydown = event => table.key(event);
    $("table-fold").onclick = () => this.foldTable(false);
    $("table-unfold").onclick = () => this.foldTable(true);
    $("search").oninput = event => { table.words = event.target.value.trim().toLowerCase(); $("table-panel").scrollTop = 0; table.show(); };
    for (const [id, isMarkdown] of [["copy-markdown", true], ["copy-csv", false]]) {
      $(id).onclick = async event => {
        const button = event.currentTarget, title = button.textContent;
        button.textContent = (await copy(table.copied(isMarkdown))) ? "copied" : "not copied";
        setTimeout(() => { button.textContent = title; }, 1500);
      };
    }
  },

  foldTable(isUnfolded) {
    for (const node of this.network.nodes) if (!node.leaf) node.isUnfolded = isUnfolded;
    table.show();
  },

  moment(event) {
    const box = $("memory").getBoundingClientRect(), last = memory.steps.length - 1;
    const i = Math.round(((event.clientX - box.left - 4) / (box.width - 8)) * last);
    memory.point(Math.max(0, Math.min(last, i)));
  },
};

// The data of the page: JSON, compressed, because most of it repeats itself.
async function data(id = "data") {
  const compressed = Uint8Array.from(atob($(id).textContent), character => character.charCodeAt(0));
  const stream = new Blob([compressed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

async function copy(text) {
  try { await navigator.clipboard.writeText(text); return true; } catch { /* a page from a file may not */ }
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

function save(text, type, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = printable(name).replace(/[/\\]/g, "-");
  link.click();
  URL.revokeObjectURL(link.href);
}

page.started = page.start();
