// Where it goes: every block and layer as wide as its share, outer blocks above inner ones.

const STEP = 28;

const shares = {
  show() {
    const box = $("shares"), width = box.clientWidth, measure = page.measure;
    const root = this.root || page.network.root, whole = Number(root[measure]) || 1, total = page.network.root[measure];
    const parts = [];
    let depth = 0;
    const add = (node, x, at) => {
      const wide = (width * Number(node[measure])) / whole;
      if (wide < 1) return;
      depth = Math.max(depth, at);
      parts.push(this.part(node, x, at, wide, total));
      let left = x;
      for (const child of node.children) {
        add(child, left, at + 1);
        left += (width * Number(child[measure])) / whole;
      }
    };
    add(root, 0, 0);
    box.innerHTML = `<svg class="picture" width="${width}" height="${(depth + 1) * STEP}" role="img" aria-label="Shares of ${MEASURES[measure].title}; the table has the numbers">${parts.join("")}</svg>`;
    const where = root.parent ? `${root.path}: ${share(root[measure], total)} of all` : "";
    $("shares-where").textContent = printable(where);
    this.mark();
  },

  part(node, x, depth, width, total) {
    const room = Math.floor((width - 10) / 6.8), name = node.name, amount = share(node[page.measure], total);
    const text = room > 2
      ? `<text x="${(x + 6).toFixed(1)}" y="${depth * STEP + 18}">${escaped(short(name, room))}${room > name.length + 7 ? `<tspan> ${amount}</tspan>` : ""}</text>`
      : "";
    const fill = node.leaf ? `${colorOf(node.leaf)};fill-opacity:.4` : "var(--soft)";
    return `<g class="part" data-node="${node.id}"><title>${escaped(short(node.path || name, 200))}: ${exact(node[page.measure])} (${amount})</title>`
      + `<rect x="${x.toFixed(1)}" y="${depth * STEP}" width="${width.toFixed(1)}" height="${STEP - 1}" rx="3" style="fill:${fill}"/>${text}</g>`;
  },

  mark() {
    for (const old of $("shares").querySelectorAll(".selected")) old.classList.remove("selected");
    const node = page.selected && (page.selected.run ? page.selected.run[0] : page.selected);
    const part = node && $("shares").querySelector(`[data-node="${node.id}"]`);
    if (part) part.classList.add("selected");
  },

  click(node) {
    page.select(node, "shares");
    if (node.leaf) return;
    this.root = node === this.root ? node.parent : node;
    this.show();
  },
};
