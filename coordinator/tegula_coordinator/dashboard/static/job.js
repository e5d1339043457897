// One job: a frame of it with tiles filling in, why the rest waits, who asked, and where the money went.

import { ask } from "./connection.js";
import { facts, h, list, redraw, table } from "./dom.js";
import { meter, progress } from "./jobs.js";
import { HEAT_WORDS, Picture, heat, worst } from "./picture.js";
import { Colours, count, hexed, lower, money, reason, short, time, transaction } from "./words.js";

const MODES = [["picture", "Picture"], ["workers", "Workers"], ["verdicts", "Verdicts"]];

export class JobView {
  #colours = new Colours();
  #units = []; #frame = null; #market = null; #picture = null; #plan = null; #paid = null; #phase = null;
  #head = h("div"); #figure = h("div"); #aside = h("div", { class: "card" }); #legend = h("div");
  #why = h("div"); #asks = h("div"); #money = h("div"); #steps = h("div", { class: "stepper" });

  constructor(job, options) {
    this.job = job;
    this.number = Math.max(0, Number.parseInt(options.get("frame") ?? "0", 10) || 0);
    this.mode = MODES.some(([name]) => name === options.get("show")) ? options.get("show") : "picture";
    this.title = `Job ${short(job)}`;
    this.query = `?job=${encodeURIComponent(job)}&frame=${this.number}`;
    this.root = h("article", { "aria-labelledby": "job-title" },
      h("p", {}, h("a", { href: "#jobs" }, "All jobs")),
      h("h1", { id: "job-title" }, "Job ", h("span", { class: "mono", title: job }, short(job))),
      this.#head,
      h("section", { "aria-label": "Frame" },
        h("div", { class: "controls" }, this.#steps, this.#modes()),
        h("div", { class: "beside" }, h("figure", {}, this.#figure, this.#legend), this.#aside)),
      this.#why, this.#asks, this.#money);
  }

  /** What never changes is asked once. */
  async prepare(signal) {
    if (this.#plan) return;
    this.#plan = await (await ask(`../v1/operator/jobs/${encodeURIComponent(this.job)}`, signal)).json();
    this.#picture = new Picture(this.#plan, this.number, this.#colours, () => this.#drawTile(), signal);
    this.#figure.replaceChildren(this.#picture.root);
    this.#drawSteps();
    this.signal = signal;
  }

  /** After a gap all of the frame is told again. */
  begin() { this.#units = []; }

  take(name, value, market) {
    this.#market = market;
    if (name !== "frame") return;
    this.#frame = value;
    const first = this.number * this.#plan.rects.length;
    for (const unit of value.units) this.#units[unit.unit - first] = unit;
    this.#picture.show(this.#units, this.mode);
    this.#drawHead();
    this.#drawTile();
    this.#drawLegend();
    this.#drawWhy();
    this.#drawAsks();
    this.#drawMoney();
    if (this.#phase !== value.phase) { // at the start, and when money may have moved; else there is a button
      this.#phase = value.phase;
      this.#askPayments();
    }
  }

  fail(message) {
    this.root.replaceChildren(h("p", {}, h("a", { href: "#jobs" }, "All jobs")), h("p", { class: "bad" }, message));
  }

  #sum(units) { return money(units, this.#frame.token, this.#market.tokens); }

  #modes() {
    return h("fieldset", {}, h("legend", { hidden: true }, "What is shown"), MODES.map(([name, title]) =>
      h("label", {}, h("input", {
        type: "radio", name: "mode", value: name, checked: name === this.mode,
        change: () => { this.mode = name; this.#picture?.show(this.#units, name); if (this.#frame) this.#drawLegend(); },
      }), title)));
  }

  #drawSteps() {
    const { frames } = this.#plan;
    if (frames.length === 1) return this.#steps.replaceChildren(h("span", {}, `Frame ${frames[0]}`));
    const to = (number) => { location.hash = `job=${this.job}&frame=${number}&show=${this.mode}`; };
    return this.#steps.replaceChildren(
      h("button", { type: "button", class: "quiet", disabled: this.number === 0, click: () => to(this.number - 1) },
        "Previous"),
      h("label", {}, "Frame ", h("select", { change: (event) => to(event.target.value) }, frames.map((frame, index) =>
        h("option", { value: index, selected: index === this.number }, String(frame))))),
      h("button", { type: "button", class: "quiet", disabled: this.number === frames.length - 1,
        click: () => to(this.number + 1) }, "Next"));
  }

  #drawHead() {
    const it = this.#frame;
    const { units, at, ...fixed } = it;
    redraw(this.#head, fixed, () => [
      h("p", { class: "soft" }, `${count(this.#plan.frames.length, "frame")} of ${this.#plan.width} × ${this.#plan.height},`,
        ` ${count(this.#plan.samples, "sample")}, Blender ${this.#plan.blender}, due ${time(it.deadline)}`),
      it.reason ? h("p", {}, `It is ${lower(it.phase)}: ${it.reason}.`) : null,
      facts([
        ["state", it.adrift ? "waits for its deposit" : lower(it.phase)],
        ["tiles", [progress(it), meter(it)]],
        ["clearing price", it.price ? this.#sum(it.price) : "none yet"],
        ["ceiling", this.#sum(it.ceiling)],
        ["earned", this.#sum(it.earned)],
        ["deposit", this.#sum(it.funded)],
      ]),
    ]);
  }

  #drawTile() {
    const index = this.#picture?.picked;
    const [unit, unseen] = [this.#units[index], this.#picture?.unseen.get(index)];
    const waits = unit && this.#frame.waiting.find((each) => each.units.includes(unit.unit));
    redraw(this.#aside, [unit, unseen, waits?.sentence], () => {
      if (!unit) return [h("h2", {}, "Tile"), h("p", { class: "soft" }, "Choose a tile in the picture.")];
      return [
        h("h2", {}, `Tile ${unit.unit}`),
        list([
          ["state", lower(unit.phase)],
          waits ? ["why", waits.sentence] : null,
          unit.worker ? ["worker", [h("span", { class: `dot ${this.#colours.of(unit.worker)}` }), hexed(unit.worker)]] : null,
          unit.device ? ["device", unit.device] : null,
          unseen ? ["picture", unseen] : null,
          ["attempt", String(unit.attempt)],
          unit.render_seconds ? ["rendered in", `${unit.render_seconds.toFixed(2)} s`] : null,
          unit.price ? ["price", this.#sum(unit.price)] : null,
          ...unit.verdicts.map((verdict) => [
            h("span", {}, h("span", { class: `dot ${heat(verdict)}` }), "verdict"),
            [h("strong", { class: verdict.outcome === "REJECTED" ? "bad" : "" }, lower(verdict.outcome)),
              `, ${verdict.statistic.toFixed(2)} of ${verdict.threshold}. ${verdict.reason}`],
          ]),
        ].filter(Boolean)),
      ];
    });
  }

  #drawLegend() {
    const workers = [...new Set(this.#units.filter((unit) => unit?.worker).map((unit) => unit.worker))];
    const judged = this.#units.filter((unit) => unit && worst(unit)).length;
    redraw(this.#legend, [this.mode, workers, judged], () => {
      if (this.mode === "verdicts") {
        return [
          h("ul", { class: "keys", "aria-label": "Colours" }, HEAT_WORDS.map(([kind, words]) =>
            h("li", {}, h("span", { class: `dot ${kind}` }), words))),
          h("p", { class: "soft" }, `The statistic of ${count(judged, "verdict")}, as a part of its threshold: how seldom an`,
            " honest tile looks like this. Dashed: it took another attempt."),
        ];
      }
      const said = this.mode === "workers" ? "Who rendered each tile. Dashed: it took another attempt."
        : "Accepted tiles in plain sRGB, without the scene's view transform. Outlined: under way; dashed: delivered.";
      return [
        h("ul", { class: "keys", "aria-label": "Workers" }, workers.map((worker) =>
          h("li", {}, h("span", { class: `dot ${this.#colours.of(worker)}` }), hexed(worker),
            ` ${count(this.#units.filter((unit) => unit?.worker === worker).length, "tile")}`))),
        h("p", { class: "soft" }, said),
      ];
    });
  }

  #drawWhy() {
    const waiting = this.#frame.waiting;
    redraw(this.#why, waiting, () => (waiting.length ? h("section", {},
      h("h2", {}, "What tiles of this frame wait for"),
      h("ul", { class: "why" }, waiting.map((each) =>
        h("li", {}, h("strong", {}, count(each.units.length, "tile")), ` – ${each.sentence} `,
          h("span", { class: "soft mono" }, each.code))))) : []));
  }

  #drawAsks() {
    const { asks } = this.#frame;
    redraw(this.#asks, asks, () => h("section", {},
      h("h2", {}, "Auction"),
      table("Who was called", [
        ["worker", (ask) => hexed(ask.worker)],
        ["asks a megasample", (ask) => (ask.price ? this.#sum(ask.price) : "–"), "num"],
        ["tiles at a time", (ask) => String(ask.slots), "num"],
        ["outcome", (ask) => (ask.taken ? "taken" : reason(ask.code, ask.reason) || "its ask stands"), "long"],
      ], asks, "No worker was called yet.")));
  }

  async #askPayments() {
    try {
      this.#paid = await (await ask(`../v1/operator/jobs/${encodeURIComponent(this.job)}/payments`, this.signal)).json();
    } catch (error) {
      if (this.signal.aborted) return;
      this.#paid = { failed: error.message };
    }
    this.#drawMoney();
  }

  #drawMoney() {
    if (!this.#paid) return;
    const { owed } = this.#frame;
    redraw(this.#money, [this.#paid, owed], () => {
      if (this.#paid.failed) return h("section", {}, h("h2", {}, "Money"), h("p", { class: "bad" }, this.#paid.failed));
      const moves = [
        ...this.#paid.deposits.map((each) => ({ ...each, what: "deposit" })),
        ...this.#paid.claims.map((each) => ({ ...each, what: "claim" })),
        ...this.#paid.returned.map((each) => ({ ...each, what: "returned to the requester" })),
      ];
      return h("section", {},
        h("h2", {}, "Money"),
        h("p", { class: "soft" }, `In the escrow the job is ${lower(this.#paid.status)}; `,
          `${this.#sum(this.#paid.paid)} of ${this.#sum(this.#paid.funded)} were paid to workers.`),
        h("button", { type: "button", class: "quiet", id: "again", click: () => this.#askPayments() }, "Look at the chain again"),
        table("On chain", [
          ["what", (move) => (move.worker ? [`${move.what} of `, hexed(move.worker)] : move.what)],
          ["amount", (move) => this.#sum(move.amount), "num"],
          ["transaction", (move) => transaction(move.tx, this.#market.explorer)],
        ], moves, "The chain knows of no deposit."),
        table("What workers earned", [
          ["worker", (each) => [h("span", { class: `dot ${this.#colours.of(each.worker)}` }), hexed(each.worker)]],
          ["earned", (each) => this.#sum(each.cumulative), "num"],
          ["signed for", (each) => this.#sum(each.vouchered), "num"],
        ], owed, "Nothing is earned yet."));
    });
  }
}
