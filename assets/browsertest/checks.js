// Answers with one line for each thing that is wrong with the page on screen.
(() => {
  const wrong = [];
  const name = (e) => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + (e.className?.baseVal === undefined && e.className ? "." + e.className.replaceAll(" ", ".") : "") + ` "${(e.textContent || "").trim().slice(0, 30)}"`;
  const seen = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !e.closest(".sr-only, .skip") && e.getClientRects().length > 0;

  if (document.documentElement.scrollWidth > innerWidth) {
    const wide = [...document.body.querySelectorAll("*")].filter((e) => seen(e) && !e.closest(".nav, .tabs") && e.getBoundingClientRect().right > innerWidth + 0.5);
    wrong.push(`wider than the screen (${document.documentElement.scrollWidth} of ${innerWidth}): ` + wide.slice(0, 3).map(name).join(", "));
  }
  if (document.querySelectorAll("h1").length !== 1) wrong.push(`${document.querySelectorAll("h1").length} main headings`);
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) wrong.push("two elements have the id " + id);
  for (const e of document.querySelectorAll("[aria-describedby], [aria-labelledby]")) {
    for (const id of ((e.getAttribute("aria-describedby") || "") + " " + (e.getAttribute("aria-labelledby") || "")).trim().split(/\s+/)) {
      if (!document.getElementById(id)) wrong.push(`${name(e)} refers to ${id}, which is not there`);
    }
  }
  for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea")) if (!e.labels?.length) wrong.push("no label: " + name(e));
  for (const e of document.querySelectorAll("a, button")) if (!(e.getAttribute("aria-label") || e.textContent.trim())) wrong.push("no name: " + name(e));
  for (const e of document.querySelectorAll("img")) if (!e.hasAttribute("alt")) wrong.push("no alternative: " + name(e));
  if (document.querySelector("[style]")) wrong.push("a style attribute: " + name(document.querySelector("[style]")));

  for (const e of document.querySelectorAll("a, button, input, select, textarea, summary")) {
    if (!seen(e)) continue;
    const box = e.closest("label")?.getBoundingClientRect() || e.getBoundingClientRect();
    if ((box.height < 24 || box.width < 24) && getComputedStyle(e).display !== "inline") wrong.push(`target of ${Math.round(box.width)}×${Math.round(box.height)}: ${name(e)}`);
  }

  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (css) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = css;
    canvas.fillRect(0, 0, 1, 1);
    const d = canvas.getImageData(0, 0, 1, 1).data;
    return [d[0], d[1], d[2], d[3] / 255];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const ground = (e) => {
    const stack = [];
    for (let at = e; at; at = at.parentElement) {
      const c = rgba(getComputedStyle(at).backgroundColor);
      stack.push(c);
      if (c[3] === 1) break;
    }
    return stack.reduceRight((below, c) => over(c, below), [255, 255, 255, 1]);
  };
  const light = (c) => {
    const [r, g, b] = c.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const told = new Set();
  while (texts.nextNode()) {
    const e = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !seen(e) || e.closest("svg, script, .mark, :disabled, .choice:has(:disabled)")) continue;
    const style = getComputedStyle(e);
    const below = ground(e);
    const [a, b] = [light(over(rgba(style.color), below)), light(below)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5) && !told.has(name(e))) {
      told.add(name(e));
      wrong.push(`contrast ${ratio.toFixed(2)}: ${name(e)}`);
    }
  }
  return wrong.join("\n");
})();
