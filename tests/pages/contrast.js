// Every visible text whose contrast with what is behind it is below WCAG 2.2, level AA: 4.5, or 3 for large text.
(() => {
  const parse = text => {
    const found = text.match(/[\d.]+%?/g).map(Number);
    return text.startsWith("color(srgb") ? [...found.slice(0, 3).map(n => 255 * n), found[3] ?? 1] : [...found.slice(0, 3), found[3] ?? 1];
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const luminance = ([r, g, b]) => [r, g, b].map(n => n / 255).map(n => (n <= 0.03928 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4))
    .reduce((sum, n, i) => sum + n * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    const layers = [];
    for (let each = element; each; each = each.parentElement) layers.push(parse(getComputedStyle(each).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const wrong = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].filter(each => each.nodeType === 3).map(each => each.data.trim()).join("");
    if (!text || !element.checkVisibility() || element.closest("script, style, noscript, .skip")) continue;
    const style = getComputedStyle(element), svg = element.closest("svg");
    let behind = ground(svg || element);
    const part = element.closest(".part, .card, .pill");
    if (part) {
      const rect = getComputedStyle(part.querySelector("rect:last-of-type")), first = getComputedStyle(part.querySelector("rect"));
      const used = part.matches(".part") ? rect : first;
      behind = over([...parse(used.fill).slice(0, 3), Number(used.fillOpacity)], behind);
    }
    const color = over(parse(svg ? style.fill : style.color), behind);
    const [a, b] = [luminance(color), luminance(behind)].sort((x, y) => y - x), contrast = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize), isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (contrast < (isLarge ? 3 : 4.5)) wrong.push(`${contrast.toFixed(2)} ${element.tagName}.${element.getAttribute("class")} ${text.slice(0, 30)}`);
  }
  return wrong;
})()
