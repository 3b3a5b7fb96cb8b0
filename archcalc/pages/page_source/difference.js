// Two networks side by side: every layer of one beside the layer of the other that corresponds to it.

const MOST_ROWS = 3000;
const signed = n => (n > 0 ? `+${exact(n)}` : n < 0 ? `−${exact(-n)}` : "0");
const colored = n => `<span class="${n > 0 ? "more" : n < 0 ? "less" : "muted"}">${signed(n)}</span>`;
const TOTALS = {
  layers: "layers", params: "parameters", buffers: "buffer elements", macs: "MACs",
  output_bytes: "output bytes", param_bytes: "bytes of parameters", saved_bytes: "bytes saved for backward",
  inference_peak_bytes: "inference peak in bytes", training_peak_bytes: "training peak in bytes",
  iteration_peak_bytes: "iteration peak in bytes", kv_cache_bytes: "KV cache in bytes",
};

const diff = {
  async start() {
    this.data = await data("diff");
    const [before, after] = page.networks;
    this.sides = [before, after].map(network => new Map(network.layers.map(layer => [layer.name, layer])));
    this.rows = this.aligned();
    this.mark();
    this.head();
    this.show();
    $("diff-follows").onchange = () => this.show();
    $("diff-fold").onclick = () => this.open(false);
    $("diff-open").onclick = () => this.open(true);
    $("diff-table").onclick = event => this.click(event);
    $("diff-table").onkeydown = event => this.key(event);
    $("network").value = 1;
    page.open(1);
  },

  // Every pair of layers in the order of the second network; a removed layer after the one that it came after.
  aligned() {
    const { differences, renamed } = this.data, [ours, theirs] = this.sides;
    const kinds = [new Map(), new Map()], there = new Map(), back = new Map();
    for (const each of differences) {
      if (each.before) kinds[0].set(each.before, each);
      if (each.after) kinds[1].set(each.after, each);
    }
    for (const [a, b] of renamed) { there.set(a, b); back.set(b, a); }
    for (const each of differences) if (each.before && each.after) { there.set(each.before, each.after); back.set(each.after, each.before); }
    for (const name of ours.keys()) {
      if (!there.has(name) && !back.has(name) && theirs.has(name) && !kinds[0].has(name)) { there.set(name, name); back.set(name, name); }
    }
    const removed = new Map([["", []]]);
    let last = "";
    for (const [name, layer] of ours) {
      last = there.get(name) || last;
      if (!there.has(name)) removed.set(last, [...(removed.get(last) || []), { kind: "removed", a: layer, difference: kinds[0].get(name) }]);
    }
    const rows = differences.filter(each => each.kind === "input").map(difference => ({ kind: "input", difference }));
    rows.push(...removed.get(""));
    for (const [name, layer] of theirs) {
      const difference = kinds[1].get(name), before = back.get(name);
      rows.push({ kind: difference ? difference.kind : "alike", a: before && ours.get(before), b: layer, difference });
      rows.push(...(removed.get(name) || []));
    }
    return rows;
  },

  // The layers that differ, and the blocks that hold one, in both graphs.
  mark() {
    for (const row of this.rows) {
      if (row.kind !== "added" && row.kind !== "removed" && row.kind !== "changed") continue;
      for (const layer of [row.a, row.b]) {
        if (!layer) continue;
        layer.node.mark = row.kind;
        for (let each = layer.node.parent; each; each = each.parent) for (const shown of [each, each.stack]) if (shown) shown.mark = "changed";
      }
    }
  },

  head() {
    const { names, summary, totals, why } = this.data;
    $("diff-title").textContent = printable(`${short(names[0], 80)} → ${short(names[1], 80)}`);
    document.title = `${$("diff-title").textContent} · archcalc`;
    $("diff-summary").textContent = printable(summary);
    const named = new Map(totals.map(each => [each[0], each]));
    const shown = Object.keys(TOTALS).filter(name => named.has(name)).map(name => named.get(name)).filter(([, before, after]) => before || after);
    $("diff-totals").innerHTML = `<thead><tr><th scope="col"></th><th scope="col" class="number">${escaped(short(names[0], 30))}</th><th scope="col" class="number">${escaped(short(names[1], 30))}</th><th scope="col" class="number">Difference</th><th scope="col"></th></tr></thead><tbody>`
      + shown.map(([name, before, after, difference]) => `<tr><td>${TOTALS[name]}</td><td class="number">${exact(before)}</td><td class="number">${exact(after)}</td><td class="number">${colored(difference)}</td><td class="number">${before && difference ? `${difference > 0 ? "+" : "−"}${Math.abs((100 * difference) / before).toFixed(1)} %` : ""}</td></tr>`).join("") + "</tbody>";
    $("diff-why").innerHTML = why.map(line => `<li>${escaped(line)}</li>`).join("");
  },

  // Rows, with what is alike folded into one row for each stretch.
  show() {
    const follows = $("diff-follows").checked, measures = Object.keys((this.data.differences[0] || { amounts: {} }).amounts);
    const titles = { params: "Parameters", macs: "MACs", output_bytes: "Output bytes", saved_bytes: "Saved for backward" };
    const head = `<thead><tr><th scope="col">Before</th><th scope="col"></th><th scope="col" class="number">Output</th><th scope="col">Change</th><th scope="col">After</th><th scope="col"></th><th scope="col" class="number">Output</th>${measures.map(name => `<th scope="col" class="number">${titles[name] || escaped(name)}</th>`).join("")}</tr></thead>`;
    const parts = [];
    let begin = null;
    const close = end => {
      if (begin === null) return;
      const count = end - begin, isOpen = this.rows[begin].isOpen;
      parts.push(`<tr class="alike" data-fold="${begin}" aria-expanded="${!!isOpen}" tabindex="0"><td colspan="${7 + measures.length}">${isOpen ? "▾" : "▸"} ${count} layer${count > 1 ? "s" : ""} alike</td></tr>`);
      if (isOpen) for (let i = begin; i < end; i++) parts.push(this.row(i, measures));
      begin = null;
    };
    this.rows.forEach((row, i) => {
      if (row.kind === "alike" || (row.kind === "follows" && !follows)) { if (begin === null) begin = i; return; }
      close(i);
      parts.push(this.row(i, measures));
    });
    close(this.rows.length);
    const more = parts.length - MOST_ROWS;
    $("diff-table").innerHTML = `${head}<tbody>${parts.slice(0, MOST_ROWS).join("")}${more > 0 ? `<tr><td colspan="${7 + measures.length}">and ${exact(more)} more: archcalc diff --all prints them</td></tr>` : ""}</tbody>`;
  },

  row(i, measures) {
    const { kind, a, b, difference } = this.rows[i];
    const words = kind === "follows" ? "other sizes arrive" : kind === "alike" ? "" : kind === "added" || kind === "removed" ? kind
      : difference.changes.map(([what, before, after]) => `${what === "type" ? "" : `${what}: `}${before} → ${after}`).join(", ");
    const side = (layer, name) => layer
      ? `<td class="${name}" data-side="${name}">${escaped(short(layer.name, 40))}</td><td class="${name} call" data-side="${name}" title="${escaped(short(layer.call, 300))}">${escaped(short(layer.call, 60))}</td><td class="number ${name}" data-side="${name}">${escaped(times(layer.shape))}</td>`
      : kind === "input" ? `<td class="${name}">${escaped(short(difference.name, 40))}</td><td></td><td></td>` : '<td></td><td></td><td></td>';
    const numbers = measures.map(name => `<td class="number">${difference ? colored(difference.amounts[name]) : ""}</td>`).join("");
    return `<tr class="${kind}" data-row="${i}">${side(a, "before")}<td class="change">${escaped(short(words, 120))}</td>${side(b, "after")}${numbers}</tr>`;
  },

  open(isOpen) {
    for (const row of this.rows) row.isOpen = isOpen;
    this.show();
  },

  // Enter opens and folds a stretch of layers that are alike; it keeps the focus.
  key(event) {
    const fold = event.target.closest("[data-fold]");
    if (!fold || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    this.click(event);
    $("diff-table").querySelector(`[data-fold="${fold.dataset.fold}"]`).focus();
  },

  click(event) {
    const fold = event.target.closest("[data-fold]"), row = event.target.closest("[data-row]");
    if (fold) {
      const first = this.rows[+fold.dataset.fold];
      first.isOpen = !first.isOpen;
      this.show();
    } else if (row) {
      const { a, b } = this.rows[+row.dataset.row], cell = event.target.closest("[data-side]");
      const isBefore = (cell ? cell.dataset.side === "before" : !b) && a, layer = isBefore ? a : b;
      if (!layer) return;
      const number = isBefore ? 0 : 1;
      if (page.network !== page.networks[number]) { $("network").value = number; page.open(number); }
      page.select(layer.node, "diff");
    }
  },
};

page.started.then(() => diff.start());
