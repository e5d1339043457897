// The market: what is asked and bid now, what was paid hour by hour on each kind of device, and the latest rounds.

import { candles, depth } from "./charts.js";
import { h, redraw, table } from "./dom.js";
import { ago, count, hexed, money, span, time } from "./words.js";

const numbers = (row, ...names) => ({ ...row, ...Object.fromEntries(names.map((name) => [name, Number(row[name])])) });

export class MarketView {
  title = "Market";
  query = "";
  #depth = h("div", { class: "two" }); #prices = h("div", { class: "two" }); #rounds = h("div");
  root = h("article", { "aria-labelledby": "market-title" }, h("h1", { id: "market-title" }, "Market"),
    h("section", {}, h("h2", {}, "Depth"), this.#depth),
    h("section", {}, h("h2", {}, "Price history"), this.#prices),
    h("section", {}, h("h2", {}, "Clearing rounds"), this.#rounds));

  take(_name, _value, market) {
    const { tokens } = market;
    const amount = (token) => (units) => money(String(Math.round(Number(units))), token, tokens);
    redraw(this.#depth, [market.depth, Math.floor(market.at / 60), tokens], () => (market.depth.length
      ? market.depth.map((side, index) => this.#side(side, `depth-${index}`, market.at, amount(side.token)))
      : h("p", { class: "soft" }, "No worker that is connected asks for anything, and no job has open tiles.")));
    redraw(this.#prices, [market.prices, tokens], () => (market.prices.classes.length ? market.prices.classes.map((of, index) => {
      const hours = of.candles.map((candle) => numbers(candle, "open", "high", "low", "close"));
      const last = amount(of.token)(hours.at(-1).close);
      const label = `${of.device}: ${last} a megasample at last, over ${count(hours.length, "hour")} with work`;
      return h("figure", {}, h("h3", {}, of.device), candles(label, hours, amount(of.token)), h("figcaption", {}, `${label}.`),
        h("details", { id: `prices-${index}` }, h("summary", {}, "As a table"), table(`Prices on ${of.device}`, [
          ["hour", (hour) => time(hour.start)],
          ...["open", "high", "low", "close"].map((name) => [name, (hour) => amount(of.token)(hour[name]), "num"]),
          ["megasamples", (hour) => hour.volume.toFixed(2), "num"],
        ], hours.toReversed(), "None.")));
    }) : h("p", { class: "soft" }, "No tile was accepted yet, so nothing has a price.")));
    redraw(this.#rounds, [market.rounds, Math.floor(market.at / 10), tokens], () => table("The last round of each of the latest jobs", [
      ["job", (round) => h("a", { href: `#job=${round.job}`, id: `round-${round.job}` }, hexed(round.job))],
      ["when", (round) => ago(round.at, market.at)],
      ["asks taken", (round) => `${round.taken} of ${round.asked}`, "num"],
      ["clearing price", (round) => amount(round.token)(round.price), "num"],
      ["ceiling", (round) => amount(round.token)(round.ceiling), "num"],
    ], market.rounds, "No round has taken an ask yet."));
  }

  #side(side, id, now, text) {
    const asks = side.classes.flatMap((of) => of.asks.map((ask) => ({ ...numbers(ask, "price"), device: of.device, blender: of.blender })));
    const bids = side.bids.map((bid) => ({ ...bid, price: Number(bid.ceiling) }));
    const slots = asks.reduce((sum, ask) => sum + ask.slots, 0);
    const lowest = asks.length ? Math.min(...asks.map((ask) => ask.price)) : null;
    const waiting = bids.filter((bid) => !bid.taken);
    const label = [`${count(slots, "slot")} to be had${lowest === null ? "" : `, from ${text(lowest)} a megasample`}`,
      bids.length ? `dashed: the ceilings of ${count(bids.length, "job")} with open tiles` : "",
      waiting.length ? `${count(waiting.length, "job")} of them waiting, the highest for ${text(waiting[0].price)}` : "",
    ].filter(Boolean).join("; ");
    return h("figure", {}, depth(label, asks, bids, text), h("figcaption", {}, `${label}.`),
      h("details", { id }, h("summary", {}, "As tables"),
        side.classes.map((of) => table(`Asks on ${of.device}, Blender ${of.blender}`, [
          ["price a megasample", (ask) => text(ask.price), "num"], ["slots", (ask) => String(ask.slots), "num"],
          ["up to this price", (ask) => String(ask.cumulative), "num"],
        ], of.asks, "None.")),
        table("Bids of jobs with open tiles", [
          ["ceiling", (bid) => text(bid.price), "num"], ["open tiles", (bid) => String(bid.tiles), "num"],
          ["megasamples", (bid) => bid.megasamples.toFixed(2), "num"], ["Blender", (bid) => bid.blender],
          ["workers", (bid) => (bid.taken ? String(bid.taken) : "waits"), "num"],
          ["time left", (bid) => span(Math.max(0, bid.deadline - now)), "num"],
        ], bids, "No job has open tiles.")));
  }

  fail(message) {
    this.root.replaceChildren(h("p", { class: "bad" }, message));
  }
}
