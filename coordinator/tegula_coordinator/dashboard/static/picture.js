// A frame: accepted tiles as they come in, and over them what stands about each tile.
// The tiles are one list for the keyboard and for screen readers: arrow keys move as the tiles lie.

import { ask } from "./connection.js";
import { h } from "./dom.js";
import { lower, short } from "./words.js";

const AT_ONCE = 4; // previews asked for
const WIDEST = 1600; // pixels of the canvas: more is not seen

const HEAT = [[0.25, "h0"], [0.5, "h1"], [0.75, "h2"], [1, "h3"], [Infinity, "h4"]];
export const HEAT_WORDS = [
  ["h0", "below a quarter of the threshold"], ["h1", "below a half"], ["h2", "below three quarters"],
  ["h3", "below the threshold"], ["h4", "at or above it: rejected or looked at again"],
];

/** The verdict that says most of a tile: the worst that was not about a batch. */
export function worst(unit) {
  const weight = (verdict) => (verdict.threshold ? verdict.statistic / verdict.threshold : 0);
  return unit.verdicts.reduce((most, each) => (most && weight(most) >= weight(each) ? most : each), null);
}

export function heat(verdict) {
  if (!verdict || !verdict.threshold) return "none";
  if (verdict.outcome === "REJECTED") return "h4";
  return HEAT.find(([below]) => verdict.statistic / verdict.threshold < below)[1];
}

export class Picture {
  #canvas; #overlay; #mark; #rects = []; #shown = new Map(); #queue = []; #busy = 0;
  picked = null;
  unseen = new Map(); // why a tile has no picture, by its index in the frame

  /** `plan` says where tiles are; `pick` is told which tile is looked at; `colours` are the workers'. */
  constructor(plan, frame, colours, pick, signal) {
    Object.assign(this, { plan, frame, colours, pick, signal });
    const [x0, y0, x1, y1] = ["x0", "y0", "x1", "y1"].map((name) => plan.region[name]);
    this.scale = Math.min(1, WIDEST / (x1 - x0));
    this.at = [x0, y0];
    this.#canvas = h("canvas", {
      width: Math.ceil((x1 - x0) * this.scale), height: Math.ceil((y1 - y0) * this.scale),
      role: "img", "aria-label": `Frame ${plan.frames[frame]}, as far as its tiles are accepted`,
    });
    this.#rects = plan.rects.map(([left, top, right, bottom], index) => h("rect", {
      class: "tile", x: left, y: top, width: right - left, height: bottom - top,
      id: `tile-${this.unit(index)}`, role: "option", "aria-selected": "false",
      click: () => { this.#select(index); this.#overlay.focus({ preventScroll: true }); },
    }));
    this.#mark = h("rect", { class: "picked", role: "presentation", visibility: "hidden" });
    this.#overlay = h("svg", {
      viewBox: `${x0} ${y0} ${x1 - x0} ${y1 - y0}`, preserveAspectRatio: "none", tabindex: 0, role: "listbox",
      "aria-label": `Tiles of frame ${plan.frames[frame]}; move with the arrow keys`,
      keydown: (event) => this.#move(event),
    }, this.#rects, this.#mark);
    this.root = h("div", { class: "frame" }, this.#canvas, this.#overlay);
  }

  unit(index) { return this.frame * this.plan.rects.length + index; }

  /** Units as the coordinator tells them; `mode` is what is to be seen: picture, workers or verdicts. */
  show(units, mode) {
    units.forEach((unit, index) => {
      if (!unit) return;
      const rect = this.#rects[index];
      const said = this.describe(unit);
      if (rect.getAttribute("aria-label") !== said) rect.setAttribute("aria-label", said);
      const kind = this.#kind(unit, mode);
      if (rect.getAttribute("class") !== kind) rect.setAttribute("class", kind);
      if (unit.image && this.#shown.get(index) !== unit.image) {
        this.#shown.set(index, unit.image);
        this.#queue.push(index);
      }
    });
    this.#fetch();
  }

  describe(unit) {
    const [x, y] = this.plan.rects[unit.unit % this.plan.rects.length];
    const verdict = worst(unit);
    return [
      `Tile ${unit.unit} at ${x}, ${y}: ${lower(unit.phase)}`,
      unit.worker && unit.phase !== "OPEN" ? `worker ${short(unit.worker)}` : "",
      verdict ? `${lower(verdict.outcome)}, statistic ${verdict.statistic.toFixed(1)} of ${verdict.threshold}` : "",
    ].filter(Boolean).join(", ");
  }

  #kind(unit, mode) {
    const kinds = ["tile"];
    if (["LEASED", "DELIVERED"].includes(unit.phase)) kinds.push("doing", this.colours.of(unit.worker));
    if (unit.phase === "DELIVERED") kinds.push("delivered");
    if (["DEAD", "CANCELLED"].includes(unit.phase)) kinds.push("lost");
    if (mode === "picture" && unit.phase === "ACCEPTED") kinds.push("seen");
    if (mode === "workers" && unit.phase === "ACCEPTED") kinds.push("shown", this.colours.of(unit.worker));
    if (mode === "verdicts" && unit.verdicts.length) kinds.push("shown", heat(worst(unit)));
    if (unit.attempt > 1 && mode !== "picture") kinds.push("again");
    return kinds.join(" ");
  }

  async #fetch() {
    while (this.#queue.length && this.#busy < AT_ONCE) {
      const index = this.#queue.shift();
      this.#busy += 1;
      this.#draw(index).finally(() => { this.#busy -= 1; this.#fetch(); });
    }
  }

  async #draw(index) {
    const path = `../v1/operator/jobs/${this.plan.job}/units/${this.unit(index)}/preview`;
    try {
      const answer = await ask(path, this.signal);
      const image = await createImageBitmap(await answer.blob());
      const [left, top, right, bottom] = this.plan.rects[index];
      const [x0, y0, x1, y1] = [left - this.at[0], top - this.at[1], right - this.at[0], bottom - this.at[1]]
        .map((edge) => Math.round(edge * this.scale));
      this.#canvas.getContext("2d").drawImage(image, x0, y0, x1 - x0, y1 - y0);
      image.close();
    } catch (error) { // it stays dark, and says why when it is looked at
      this.unseen.set(index, error.message);
    }
  }

  /** Home and End are the tiles that are leased first and last; tiles of a cost map are of several sizes. */
  #move(event) {
    const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    if (!way && event.key !== "Home" && event.key !== "End") return;
    event.preventDefault();
    const to = way ? this.#beside(...way) : event.key === "Home" ? 0 : this.#rects.length - 1;
    if (to >= 0) this.#select(to);
  }

  /** The tile across the middle of an edge of the one that is picked; -1 if there is none. */
  #beside(right, down) {
    if (this.picked === null) return 0;
    const [left, top, end, bottom] = this.plan.rects[this.picked];
    const x = right ? (right > 0 ? end : left - 1) : Math.floor((left + end) / 2);
    const y = down ? (down > 0 ? bottom : top - 1) : Math.floor((top + bottom) / 2);
    return this.plan.rects.findIndex(([x0, y0, x1, y1]) => x0 <= x && x < x1 && y0 <= y && y < y1);
  }

  #select(index) {
    if (this.picked !== null) this.#rects[this.picked].setAttribute("aria-selected", "false");
    this.picked = index;
    const rect = this.#rects[index];
    rect.setAttribute("aria-selected", "true");
    for (const name of ["x", "y", "width", "height"]) this.#mark.setAttribute(name, rect.getAttribute(name));
    this.#mark.setAttribute("visibility", "visible");
    this.#overlay.setAttribute("aria-activedescendant", rect.id);
    this.pick(index);
  }
}
