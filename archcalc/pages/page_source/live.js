// A page that follows its file: it offers the variants, and loads itself anew when the file has changed.
(async () => {
  const version = async () => (await fetch("/version", { cache: "no-store" })).text();
  await page.started;
  const names = page.network ? page.network.variants : [];
  if (names.length) {
    const choice = $("network");
    const option = name => `<option value="${escaped(name)}">${escaped(name ? `@${name}` : "as written")}</option>`;
    choice.innerHTML = ["", ...names].map(option).join("");
    choice.value = decodeURIComponent(location.pathname.slice(2));
    choice.hidden = false;
    choice.setAttribute("aria-label", "Variant");
    choice.onchange = () => { location.pathname = choice.value ? `/@${encodeURIComponent(choice.value)}` : "/"; };
  }
  const at = sessionStorage.getItem("scroll");
  if (at) scrollTo(0, +at);
  for (;;) {
    await new Promise(done => setTimeout(done, 400));
    try {
      if ((await version()) !== MADE_OF) { sessionStorage.setItem("scroll", scrollY); location.reload(); return; }
    } catch { /* the server has ended, or is busy: it is asked again */ }
  }
})();
