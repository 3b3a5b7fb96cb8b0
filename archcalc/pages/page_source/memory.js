// Memory over a training step: the curve, and the tensors alive at the moment that one points at.

const TALL = 230, LISTED = 10;

const memory = {
  show() {
    const { network } = page, steps = network.timeline;
    $("memory-section").hidden = !steps;
    if (!steps) return;
    this.steps = steps.bytes.map((live, i) => ({ live, layer: network.layers[steps.layer[i]], phase: network.phases[steps.phase[i]] }));
    this.peak = this.steps.reduce((best, step, i) => (step.live > this.steps[best].live ? i : best), 0);
    this.at = this.peak;
    this.curve();
    this.parts();
    this.point(this.peak);
  },

  curve() {
    const box = $("memory"), width = box.clientWidth, { steps, peak } = this, most = steps[peak].live || 1, base = TALL - 22;
    this.x = i => 4 + ((width - 8) * i) / Math.max(1, steps.length - 1);
    const y = live => base - ((base - 30) * live) / most;
    const line = steps.map((step, i) => `${i ? "L" : "M"}${this.x(i).toFixed(1)} ${y(step.live).toFixed(1)}`).join("");
    const turn = steps.findIndex(step => step.phase !== "forward"), turnX = turn < 0 ? width : this.x(turn - 0.5);
    const center = Math.max(120, Math.min(width - 120, this.x(peak)));
    box.innerHTML = `<svg class="picture" width="${width}" height="${TALL}" role="img" aria-label="Live bytes over a training step; the peak is ${bytes(most)}, ${steps[peak].phase} of ${escaped(steps[peak].layer.name)}">`
      + `<rect x="${turnX}" y="22" width="${Math.max(0, width - turnX)}" height="${base - 22}" style="fill:var(--soft)"/>`
      + `<path d="${line}L${this.x(steps.length - 1)} ${base}L${this.x(0)} ${base}z" style="fill:var(--accent);fill-opacity:.18"/><path d="${line}" class="line"/>`
      + `<line x1="0" x2="${width}" y1="${base}" y2="${base}" class="axis"/><text class="muted" x="4" y="${TALL - 5}">forward →</text>`
      + (turn < 0 ? "" : `<text class="muted" x="${Math.min(turnX + 4, width - 70)}" y="${TALL - 5}">backward →</text>`)
      + `<circle cx="${this.x(peak)}" cy="${y(most)}" r="4" style="fill:var(--accent)"/><text class="strong" text-anchor="middle" x="${center}" y="15">peak ${bytes(most)}</text>`
      + `<line id="moment" y1="22" y2="${base}" class="moment"/></svg>`;
    $("memory-step").max = steps.length - 1;
  },

  point(i) {
    const { network } = page, step = this.steps[i];
    this.at = i;
    $("memory-step").value = i;
    $("memory-step").setAttribute("aria-valuetext", `${step.phase} of ${printable(step.layer.name)}, ${bytes(step.live)}`);
    for (const end of ["x1", "x2"]) $("moment").setAttribute(end, this.x(i));
    $("memory-moment").innerHTML = `<b>${bytes(step.live)}</b> (${exact(step.live)} bytes) in ${step.phase} of <b>${escaped(short(step.layer.name, 80))}</b>${i === this.peak ? ", the peak" : ""}`;
    const tensors = network.tensors, alive = [];
    if (tensors) {
      tensors.bytes.forEach((size, k) => {
        if (tensors.first[k] <= i && i < tensors.first[k] + tensors.steps[k]) alive.push([this.nameOf(k), size]);
      });
      alive.sort((a, b) => b[1] - a[1]);
    }
    const shown = alive.slice(0, LISTED), rest = step.live - shown.reduce((sum, [, size]) => sum + size, 0);
    const rows = [...shown, ...(rest > 0 ? [["all others", rest]] : [])];
    const most = rows.reduce((high, [, size]) => Math.max(high, size), 1);
    $("memory-alive").innerHTML = rows.map(([name, size]) =>
      `<li style="--part:${((100 * size) / most).toFixed(1)}%"><span>${escaped(short(name, 70))}</span><span class="number">${exact(size)}</span></li>`).join("");
  },

  nameOf(k) {
    const { tensors, tensorNames, layers } = page.network;
    const [pattern, index] = [tensorNames[tensors.name[k]], tensors.layer[k]];
    return index < 0 ? pattern : pattern.replace("%", () => layers[index].name);
  },

  parts() {
    const { totals } = page.network, parts = totals.iteration_peak_parts;
    $("iteration").hidden = !parts;
    if (!parts) return;
    const colors = { parameters: "conv", buffers: "merge", optimizer_state: "linear", weight_gradients: "attention", activations: "activation", step_temporaries: "norm" };
    const words = { parameters: "parameters", buffers: "buffers", optimizer_state: `state of ${totals.optimizer}`, weight_gradients: "gradients of weights", activations: "activations and their gradients", step_temporaries: "temporaries of the optimizer's step" };
    const shown = Object.entries(parts).filter(([, size]) => size > 0);
    $("iteration-title").textContent = `Peak of an iteration: ${bytes(totals.iteration_peak_bytes)} (${exact(totals.iteration_peak_bytes)} bytes)`;
    $("iteration-bar").innerHTML = shown.map(([name, size]) => `<i style="flex:${size};background:var(--${colors[name]})" title="${words[name]}: ${exact(size)} bytes"></i>`).join("");
    $("iteration-legend").innerHTML = shown.map(([name, size]) => `<span><i class="dot" style="background:var(--${colors[name]})"></i>${escaped(words[name])} ${bytes(size)}</span>`).join("");
  },

  reveal() {
    const layer = this.steps && page.selected && page.selected.leaf;
    if (!layer) return;
    const i = this.steps.findIndex(step => step.layer === layer);
    if (i >= 0) this.point(i);
  },
};
