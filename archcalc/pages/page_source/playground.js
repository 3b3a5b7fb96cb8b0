// The playground: the text of the spec, and Python in a worker, which is asked again while one types.

const playground = {
  number: 0, waiting: new Map(), last: null,

  start() {
    this.worker = new Worker("worker.js", { type: "module" });
    this.worker.onmessage = ({ data }) => this.hear(data);
    this.worker.onerror = event => this.say(`Python did not start: ${event.message || "this page needs a web server"}`);
    $("beside").append($("figures"));
    $("text").oninput = () => { this.number_lines(); this.later(); };
    $("text").onscroll = () => { $("line-numbers").scrollTop = $("text").scrollTop; };
    $("text").onkeydown = event => this.key(event);
    $("example").onchange = async event => {
      this.write(await this.ask("example", [event.target.value]));
      $("variant").value = "";
      this.run();
    };
    $("variant").onchange = $("batch").onchange = () => this.run();
    $("share").onclick = () => this.share();
    addEventListener("hashchange", () => this.read());
    this.number_lines();
    this.variants(page.networks[0]);
    this.read();
  },

  // The spec in the address, where there is one.
  async read() {
    const found = /^#spec=([\w-]+)$/.exec(location.hash);
    if (!found) return;
    try {
      const packed = Uint8Array.from(atob(found[1].replaceAll("-", "+").replaceAll("_", "/")), character => character.charCodeAt(0));
      this.write(await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).text());
      this.run();
    } catch { this.say("the address holds no spec"); }
  },

  async share() {
    const stream = new Blob([$("text").value]).stream().pipeThrough(new CompressionStream("deflate-raw"));
    const packed = new Uint8Array(await new Response(stream).arrayBuffer());
    const text = btoa(String.fromCharCode(...packed)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    history.replaceState(null, "", `#spec=${text}`);
    this.say((await copy(location.href)) ? "link copied" : "the link is in the address");
  },

  ask(call, given) {
    return new Promise(done => {
      this.waiting.set(++this.number, done);
      this.worker.postMessage({ number: this.number, call, given });
    });
  },

  hear(data) {
    if (data.ready) { this.say("ready"); document.documentElement.dataset.python = Math.round(performance.now()); return; }
    if (data.failed) { this.say(`Python did not start: ${data.failed}`); return; }
    this.milliseconds = data.milliseconds;
    this.waiting.get(data.number)(data.value);
    this.waiting.delete(data.number);
  },

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.run(), 250);
  },

  // Only the newest answer is shown.
  async run() {
    const given = [$("text").value, $("variant").value, Math.max(1, parseInt($("batch").value, 10) || 1)];
    const mine = (this.last = this.number + 1);
    const { network, problem, places, said } = JSON.parse(await this.ask("answer", given));
    if (mine !== this.last) return;
    document.documentElement.dataset.answered = mine;
    this.number_lines(new Set((places || []).map(place => place.line)));
    $("problems").hidden = !problem && !(said && said.length);
    $("problems").textContent = printable_lines(problem || (said || []).join("\n"));
    this.say(problem ? "the numbers are of the last spec without problems" : `computed in ${Math.round(this.milliseconds)} ms`);
    if (!network) return;
    page.replace([network]);
    this.variants(page.networks[0]);
  },

  variants({ variants }) {
    const select = $("variant"), chosen = select.value;
    select.hidden = !variants.length;
    select.innerHTML = ["", ...variants].map(name => `<option value="${escaped(name)}">${escaped(name ? `@${name}` : "as written")}</option>`).join("");
    select.value = variants.includes(chosen) ? chosen : "";
  },

  write(text) {
    $("text").value = text;
    this.number_lines();
  },

  number_lines(wrong = new Set()) {
    const count = $("text").value.split("\n").length;
    $("line-numbers").innerHTML = Array.from({ length: count }, (_, i) => (wrong.has(i + 1) ? `<b>${i + 1}</b>` : `${i + 1}`)).join("\n") + "\n\n";
    $("line-numbers").scrollTop = $("text").scrollTop;
  },

  // Enter keeps the indentation; Tab is left to move the focus.
  key(event) {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.isComposing) return;
    const area = $("text"), before = area.value.slice(0, area.selectionStart);
    const indent = /^ */.exec(before.slice(before.lastIndexOf("\n") + 1))[0];
    event.preventDefault();
    area.setRangeText(`\n${indent}`, area.selectionStart, area.selectionEnd, "end");
    area.dispatchEvent(new Event("input"));
  },

  say(text) { $("state").textContent = text; },
};

const printable_lines = text => text.split("\n").map(printable).join("\n");

page.started.then(() => playground.start());
