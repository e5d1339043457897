// Elements from values. Text is always text: nothing that anybody wrote is ever read as markup.

const SVG = "http://www.w3.org/2000/svg";
const DRAWN = new Set(["svg", "g", "rect", "path", "line", "text", "title"]);

/** An element. Attributes that are null or false are left out; functions are listeners; children may be nested. */
export function h(name, attributes = {}, ...children) {
  const made = DRAWN.has(name) ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(key, value);
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** Builds what an element holds anew, but only if what it is made from has changed; the focus stays where it was. */
export function redraw(holder, from, build) {
  const key = JSON.stringify(from);
  if (holder.dataset.from === key) return;
  holder.dataset.from = key;
  const focused = holder.contains(document.activeElement) ? document.activeElement.id : "";
  const scrolled = [...holder.querySelectorAll(".scroll")].map((each) => each.scrollLeft);
  const open = new Set([...holder.querySelectorAll("details[open]")].map((each) => each.id));
  holder.replaceChildren(...[build()].flat(Infinity).filter(Boolean));
  holder.querySelectorAll(".scroll").forEach((each, index) => { each.scrollLeft = scrolled[index] ?? 0; });
  holder.querySelectorAll("details").forEach((each) => { each.open ||= open.has(each.id); });
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

/** Columns are [heading, cell of a row, class]; a wide table scrolls by itself, with the keyboard, too. */
export function table(caption, columns, rows, empty) {
  if (!rows.length) return h("p", { class: "soft" }, empty);
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h("table", {},
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, columns.map(([title, , kind]) => h("th", { scope: "col", class: kind }, title)))),
      h("tbody", {}, rows.map((row) => h("tr", {},
        columns.map(([, cell, kind]) => h("td", { class: kind }, cell(row))))))));
}

export function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

export function list(pairs) {
  return h("dl", {}, pairs.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}
