// Closed forms: one parser, which computes them with whole numbers of any size and writes them as MathML.

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const TOKEN = /\s*(\d+|[A-Za-z_][\w.]*(?:\[\d+\])?|[·+\-/()⌈⌉⌊⌋,]|[⁰¹²³⁴⁵⁶⁷⁸⁹]+)/gy;

// A form as a tree: {number} {symbol} {sum: [[sign, part]]} {product: []} {power} {quotient, up} {largest, parts}.
function parsed(text) {
  const tokens = [];
  TOKEN.lastIndex = 0;
  for (let found = TOKEN.exec(text); found; found = TOKEN.exec(text)) tokens.push(found[1]);
  let at = 0;
  const expect = token => { if (tokens[at++] !== token) throw new Error(`${token} expected`); };

  function sum() {
    let sign = 1;
    if (tokens[at] === "-") { sign = -1; at++; }
    const parts = [[sign, quotient()]];
    while (tokens[at] === "+" || tokens[at] === "-") parts.push([tokens[at++] === "+" ? 1 : -1, quotient()]);
    return parts.length === 1 && sign > 0 ? parts[0][1] : { kind: "sum", parts };
  }
  function quotient() {
    const over = product();
    if (tokens[at] !== "/") return over;
    at++;
    return { kind: "fraction", over, under: product() };
  }
  function product() {
    const parts = [power()];
    while (tokens[at] === "·") { at++; parts.push(power()); }
    return parts.length === 1 ? parts[0] : { kind: "product", parts };
  }
  function power() {
    const base = atom();
    if (at >= tokens.length || !SUPERSCRIPTS.includes(tokens[at][0])) return base;
    const digits = [...tokens[at++]].map(each => SUPERSCRIPTS.indexOf(each)).join("");
    return { kind: "power", base, exponent: BigInt(digits) };
  }
  function atom() {
    const token = tokens[at++];
    if (token === undefined) throw new Error("incomplete form");
    if (/^\d/.test(token)) return { kind: "number", value: BigInt(token) };
    if (token === "(") { const inner = sum(); expect(")"); return { kind: "group", inner }; }
    if (token === "⌈" || token === "⌊") {
      const inner = sum();
      expect(token === "⌈" ? "⌉" : "⌋");
      return { kind: "rounded", isUp: token === "⌈", inner };
    }
    if (tokens[at] === "(" && (token === "max" || token === "min")) {
      at++;
      const parts = [sum()];
      while (tokens[at] === ",") { at++; parts.push(sum()); }
      expect(")");
      return { kind: token, parts };
    }
    if (!/^[A-Za-z_]/.test(token)) throw new Error(`unexpected ${token}`);
    return { kind: "symbol", name: token };
  }

  const whole = sum();
  if (at < tokens.length) throw new Error(`unexpected ${tokens[at]}`);
  return whole;
}

// The value of a form as [numerator, denominator].
function valueOf(form, symbols) {
  const value = each => valueOf(each, symbols);
  const add = ([a, b], [c, d], sign) => [a * d + BigInt(sign) * c * b, b * d];
  switch (form.kind) {
    case "number": return [form.value, 1n];
    case "symbol": return [symbols[form.name], 1n];
    case "group": return value(form.inner);
    case "sum": return form.parts.reduce((total, [sign, part]) => add(total, value(part), sign), [0n, 1n]);
    case "product": return form.parts.map(value).reduce(([a, b], [c, d]) => [a * c, b * d]);
    case "power": { const [a, b] = value(form.base); return [a ** form.exponent, b ** form.exponent]; }
    case "fraction": { const [a, b] = value(form.over), [c, d] = value(form.under); return [a * d, b * c]; }
    case "rounded": {
      const [a, b] = value(form.inner), down = a / b - (a % b !== 0n && (a < 0n) !== (b < 0n) ? 1n : 0n);
      return [form.isUp && down * b !== a ? down + 1n : down, 1n];
    }
    default: {
      const isLess = ([a, b], [c, d]) => a * d < c * b;
      return form.parts.map(value).reduce((x, y) => ((form.kind === "max") === isLess(x, y) ? y : x));
    }
  }
}

function mathml(form) {
  const row = inner => `<mrow>${inner}</mrow>`, bare = each => mathml(each.kind === "group" ? each.inner : each);
  switch (form.kind) {
    case "number": return `<mn>${exact(form.value)}</mn>`;
    case "symbol": return symbolML(form.name);
    case "group": return row(`<mo>(</mo>${mathml(form.inner)}<mo>)</mo>`);
    case "sum": return row(form.parts.map(([sign, part], i) => (sign < 0 ? "<mo>−</mo>" : i ? "<mo>+</mo>" : "") + mathml(part)).join(""));
    case "product": return row(form.parts.map(mathml).join('<mspace width="0.17em"/>'));
    case "power": return `<msup>${mathml(form.base)}<mn>${form.exponent}</mn></msup>`;
    case "fraction": return `<mfrac>${bare(form.over)}${bare(form.under)}</mfrac>`;
    case "rounded": return row(form.isUp ? `<mo>⌈</mo>${mathml(form.inner)}<mo>⌉</mo>` : `<mo>⌊</mo>${mathml(form.inner)}<mo>⌋</mo>`);
    default: return row(`<mi>${form.kind}</mi><mo>(</mo>${form.parts.map(mathml).join("<mo>,</mo>")}<mo>)</mo>`);
  }
}

function symbolML(name) {
  const [, head, tail] = /^([^_]+)_?(.*)$/.exec(name) || [name, name, ""];
  return tail ? `<msub><mi>${escaped(head)}</mi><mi>${escaped(tail)}</mi></msub>` : `<mi>${escaped(head)}</mi>`;
}

const isIn = (pieces, n) => pieces.some(({ start, end, period, residues }) => {
  const rest = ((n % BigInt(period)) + BigInt(period)) % BigInt(period);
  return n >= BigInt(start) && (end === null || n < BigInt(end)) && residues.some(each => BigInt(each) === rest);
});

const formulas = {
  show() {
    const { formulas: found } = page.network;
    $("formulas-section").hidden = !found;
    if (!found) return;
    const used = Object.keys(found.symbols);
    this.forms = Object.entries({ ...found.totals, ...found.memory }).map(([name, text]) => ({ name, form: parsed(text), isMemory: name in found.memory }));
    this.conditions = (found.memory_conditions || []).map(text => {
      const [, left, relation] = /^(.*) ([=≠≥]) 0$/.exec(text);
      return { text, form: parsed(left), relation };
    });
    $("symbols").innerHTML = used.map(name => `<label>${escaped(name)} <input type="text" inputmode="numeric" size="7" data-symbol="${escaped(name)}" value="${found.symbols[name]}"></label>`).join("");
    const titles = { params: "Parameters", macs: "MACs", output_bytes: "Output bytes", memory: "Memory", saved_bytes: "Saved for backward", inference_peak: "Inference peak", training_peak: "Training peak", iteration_peak: "Iteration peak" };
    $("forms").innerHTML = this.forms.map(({ name, form, isMemory }, i) => {
      if (isMemory) return `<dt>${titles[name] || escaped(name)}</dt><dd>${this.largest(form)}<output id="form-${i}"></output></dd>`;
      const lattice = found.lattice[name], even = Object.entries(lattice.multiples).filter(([, n]) => n > 1);
      const simple = even.length
        ? `<div class="scroll muted"><math><mrow><mo>=</mo>${mathml(parsed(lattice.form))}</mrow></math> where ${even.map(([symbol, n]) => `${n} divides ${escaped(symbol)}`).join(", ")}</div>`
        : "";
      return `<dt>${titles[name] || escaped(name)}</dt><dd><div class="scroll"><math displaystyle="true">${mathml(form)}</math></div>${simple}<output id="form-${i}"></output></dd>`;
    }).join("") + Object.entries(found.without).map(([name, why]) => `<dt>${titles[name] || escaped(name)}</dt><dd class="muted">no closed form: ${escaped(why)}</dd>`).join("");
    const exactFor = Object.keys(found.memory).length ? found.memory_exact_for.map(words => `<li>memory: ${escaped(words)}</li>`) : [];
    $("valid").innerHTML = used.filter(name => found.valid[name] !== "always").map(name => `<li>${escaped(found.valid[name])}</li>`).concat(exactFor).join("");
    this.compute();
  },

  // A form of memory: the largest of its lines, which fold where they are many.
  largest(form) {
    const math = each => `<div class="scroll"><math displaystyle="true">${mathml(each)}</math></div>`;
    if (form.kind !== "max" || form.parts.length < 3) return math(form);
    return `<details><summary>the largest of ${form.parts.length} forms</summary>${form.parts.map(math).join("")}</details>`;
  },

  // Why the forms of memory are not exact at these sizes; empty if they are.
  other(symbols) {
    const failing = this.conditions.find(({ form, relation }) => {
      const [over, under] = valueOf(form, symbols), sign = over * under;
      return !{ "=": sign === 0n, "≠": sign !== 0n, "≥": sign >= 0n }[relation];
    });
    return failing ? `another form holds here: this one needs ${failing.text}` : "";
  },

  compute() {
    const { formulas: found } = page.network, symbols = {}, wrong = [];
    for (const input of $("symbols").querySelectorAll("input")) {
      const text = input.value.trim().replaceAll(",", ""), name = input.dataset.symbol;
      const isNumber = /^\d{1,12}$/.test(text) && BigInt(text) > 0n;
      const fits = isNumber && (!found.pieces[name] || isIn(found.pieces[name], BigInt(text)));
      input.setAttribute("aria-invalid", !fits);
      if (!isNumber) wrong.push(`${name} must be a whole number from 1 on`);
      else if (!fits) wrong.push(`${name} = ${text} does not fit: ${found.valid[name]}`);
      symbols[name] = isNumber ? BigInt(text) : 1n;
    }
    $("symbols-wrong").textContent = printable(wrong.join("; "));
    const other = wrong.length ? "" : this.other(symbols);
    this.forms.forEach(({ name, form, isMemory }, i) => {
      const [over, under] = valueOf(form, symbols), isBytes = isMemory || name.endsWith("bytes");
      $(`form-${i}`).textContent = wrong.length ? "–" : isMemory && other ? other : `= ${exact(over / under)}${isBytes ? ` (${bytes(over / under)})` : ""}`;
    });
  },
};
