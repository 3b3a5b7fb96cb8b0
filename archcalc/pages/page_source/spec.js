// The spec, with every finding below its line.

const spec = {
  show() {
    const { text, findings } = page.network;
    $("spec-section").hidden = !text;
    if (!text) return;
    const lines = text.split(/\r\n|\n|\r/), at = new Map();
    if (lines[lines.length - 1] === "") lines.pop();
    const here = (findings || []).filter(finding => finding.line);
    for (const finding of here) at.set(finding.line, [...(at.get(finding.line) || []), finding]);
    const numbers = new Set(page.network.layers.map(layer => layer.line));
    $("spec-title").textContent = findings && findings.length ? "Spec and findings" : "Spec";
    $("spec").innerHTML = lines.map((line, i) => {
      const found = at.get(i + 1) || [], shown = this.marked(line, found[0]);
      const button = numbers.has(i + 1) ? ` class="layers" data-line="${i + 1}"` : "";
      return `<div${button} id="line-${i + 1}"><span class="count">${i + 1}</span><code>${shown || " "}</code></div>${found.map(this.finding).join("")}`;
    }).join("");
    $("spec-others").innerHTML = (findings || []).filter(finding => !finding.line).map(this.finding).join("");
  },

  marked(line, finding) {
    if (!finding) return escaped(short(line, 2000));
    const characters = [...line], from = (finding.column || 1) - 1, to = from + (finding.length || 1);
    const part = (a, b) => escaped(short(characters.slice(a, b).join(""), 2000));
    return `${part(0, from)}<mark>${part(from, to)}</mark>${part(to)}`;
  },

  finding({ code, message, notes, help }) {
    const more = [...notes, ...(help ? [`help: ${help}`] : [])].map(each => `<br><span>${escaped(each)}</span>`).join("");
    return `<div class="finding"><b>${escaped(code)}</b> ${escaped(message)}${more}</div>`;
  },

  mark() {
    for (const old of $("spec").querySelectorAll(".selected")) old.classList.remove("selected");
    const node = page.selected, layer = node && (node.leaf || (node.parent && lastLayer(page.network, node)));
    const line = layer && layer.line && $(`line-${layer.line}`);
    if (!line) return;
    line.classList.add("selected");
    const panel = $("spec-panel"), top = line.offsetTop - panel.offsetTop;
    if (top < panel.scrollTop || top > panel.scrollTop + panel.clientHeight - 40) panel.scrollTop = top - panel.clientHeight / 2;
  },
};
