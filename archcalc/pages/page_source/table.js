// The table: a tree of rows that fold, sort and search. Only the rows on the screen are in the page.

const ROW = 28, SPARE = 20;

const table = {
  sort: null, words: "", first: 0,

  columns() {
    const measured = page.network.measures.map(name => ({ name, title: MEASURES[name].title }));
    return [{ title: "Layer" }, { title: "Type" }, { title: "Output" }, { title: "Field" }, ...measured];
  },

  // Every row as it is shown now: a node and its depth.
  listed() {
    const { network } = page, rows = [];
    if (this.sort || this.words) {
      let layers = network.layers;
      if (this.words) layers = layers.filter(layer => `${layer.name} ${layer.call}`.toLowerCase().includes(this.words));
      if (this.sort) {
        const { name, sign } = this.sort;
        layers = [...layers].sort((a, b) => sign * (a[name] < b[name] ? -1 : a[name] > b[name] ? 1 : a.index - b.index));
      }
      return layers.map(layer => ({ node: layer.node, depth: 0 }));
    }
    const add = (node, depth) => {
      for (const child of node.children) {
        rows.push({ node: child, depth });
        if (child.isUnfolded) add(child, depth + 1);
      }
    };
    add(network.root, 0);
    return rows;
  },

  show() {
    const { network } = page, columns = this.columns();
    this.rows = this.listed();
    this.largest = {};
    for (const name of network.measures) this.largest[name] = this.rows.reduce((most, row) => (row.node[name] > most ? row.node[name] : most), 0);
    const head = columns.map(({ title, name }, i) => {
      const state = this.sort && this.sort.name === name ? (this.sort.sign < 0 ? "descending" : "ascending") : "none";
      const sign = { descending: " ↓", ascending: " ↑", none: "" }[state];
      return name
        ? `<th scope="col" role="columnheader" class="number" aria-sort="${state}"><button data-sort="${name}">${title}${sign}</button></th>`
        : `<th scope="col" role="columnheader" class="${i > 1 ? "number" : ""}">${title}</th>`;
    });
    const totals = network.measures.map(name => `<td class="number">${exact(network.root[name])}</td>`);
    $("table-head").innerHTML = `<tr role="row">${head.join("")}</tr>`;
    $("table-foot").innerHTML = `<tr role="row"><td>total</td><td>${kindOf(network.root)}</td><td></td><td></td>${totals.join("")}</tr>`;
    $("table").setAttribute("aria-rowcount", this.rows.length + 1);
    $("found").textContent = this.words ? `${exact(this.rows.length)} found` : "";
    this.drawn = null;
    this.draw();
  },

  draw() {
    const panel = $("table-panel"), count = Math.ceil(panel.clientHeight / ROW) + 2 * SPARE;
    const first = Math.max(0, Math.min(Math.floor(panel.scrollTop / ROW) - SPARE, this.rows.length - count));
    if (this.drawn !== null && Math.abs(this.drawn - first) < SPARE / 2) return;
    this.drawn = first;
    const last = Math.min(this.rows.length, first + count), width = this.columns().length;
    const space = rows => (rows > 0 ? `<tr aria-hidden="true"><td colspan="${width}" class="space" style="height:${rows * ROW}px"></td></tr>` : "");
    const rows = this.rows.slice(first, last).map((row, i) => this.row(row, first + i));
    $("table-body").innerHTML = space(first) + rows.join("") + space(this.rows.length - last);
  },

  row({ node, depth }, place) {
    const { network } = page, layer = node.leaf, end = lastLayer(network, node), isFlat = this.sort || this.words;
    const fold = layer ? "" : node.isUnfolded ? "▾" : "▸";
    const state = layer ? "" : ` aria-expanded="${!!node.isUnfolded}"`;
    const chosen = node === page.selected ? " selected" : "";
    const cells = network.measures.map(name => {
      const part = this.largest[name] ? Math.round((1000 * Number(node[name])) / Number(this.largest[name])) / 10 : 0;
      return `<td class="number" role="gridcell"${part ? ` style="--part:${part}%"` : ""}>${exact(node[name])}</td>`;
    });
    const isIdle = network.measures.slice(0, 2).every(name => !node[name]);
    return `<tr role="row" class="${layer ? "" : "block"}${isIdle ? " idle" : ""}${chosen}" data-node="${node.id}" aria-level="${depth + 1}" aria-rowindex="${place + 2}"${state} tabindex="${node === page.selected ? 0 : -1}">`
      + `<td role="gridcell" style="padding-left:${10 + 16 * depth}px" title="${escaped(short(node.path, 300))}"><span class="fold" aria-hidden="true">${isFlat ? "" : fold}</span>${escaped(short(isFlat ? node.path : node.name, 60))}</td>`
      + `<td role="gridcell">${layer ? `<i class="dot" style="background:${colorOf(layer)}"></i>` : ""}${escaped(short(kindOf(node), 40))}</td>`
      + `<td class="number" role="gridcell">${escaped(times(end.shape))}</td><td class="number" role="gridcell">${fieldText(end)}</td>${cells.join("")}</tr>`;
  },

  unfold(node, isUnfolded) {
    node.isUnfolded = isUnfolded;
    this.show();
  },

  // The row of the selection, unfolding the blocks around it.
  reveal() {
    const node = page.selected && (page.selected.run ? page.selected.run[0] : page.selected);
    if (!node) return;
    if (!this.sort && !this.words) for (let each = node.parent; each; each = each.parent) each.isUnfolded = true;
    this.show();
    const place = this.rows.findIndex(row => row.node === node), panel = $("table-panel");
    if (place < 0) return;
    const top = place * ROW;
    if (top < panel.scrollTop || top > panel.scrollTop + panel.clientHeight - 3 * ROW) panel.scrollTop = top - panel.clientHeight / 2;
    this.drawn = null;
    this.draw();
  },

  key(event) {
    const row = event.target.closest("tr[data-node]");
    if (!row) return;
    const place = this.rows.findIndex(each => each.node.id === +row.dataset.node), { node } = this.rows[place];
    const move = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -place, End: this.rows.length }[event.key];
    let next = node;
    if (move !== undefined) next = this.rows[Math.max(0, Math.min(this.rows.length - 1, place + move))].node;
    else if (event.key === "ArrowRight" && !node.leaf && !node.isUnfolded) this.unfold(node, true);
    else if (event.key === "ArrowLeft" && node.isUnfolded) this.unfold(node, false);
    else if (event.key === "ArrowLeft" && node.parent && node.parent.parent) next = node.parent;
    else if (event.key === "Enter" || event.key === " ") { if (!node.leaf) this.unfold(node, !node.isUnfolded); }
    else return;
    event.preventDefault();
    page.select(next, "table");
    const made = $("table-body").querySelector(`[data-node="${next.id}"]`);
    if (made) made.focus({ preventScroll: true });
  },

  // The rows as they are shown, as text for another program.
  copied(isMarkdown) {
    const { network } = page;
    const cells = [...this.rows.map(({ node }) => [node.path, kindOf(node), lastLayer(network, node).shape.join("x"), fieldText(lastLayer(network, node)), ...network.measures.map(name => String(node[name]))]),
      ["total", kindOf(network.root), "", "", ...network.measures.map(name => String(network.root[name]))]];
    const titles = this.columns().map(({ title }) => title);
    if (isMarkdown) {
      const line = row => `| ${row.map(cell => printable(cell).replaceAll("|", "\\|")).join(" | ")} |`;
      return [line(titles), `| --- | --- |${" ---: |".repeat(titles.length - 2)}`, ...cells.map(line)].join("\n") + "\n";
    }
    const cell = text => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    return [titles, ...cells].map(row => row.map(cell).join(",")).join("\n") + "\n";
  },
};
