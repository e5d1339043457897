// The market: what is asked now, what was paid hour by hour on each kind of device, and the latest rounds.

import { candles, depth } from "./charts.js";
import { h, redraw, table } from "./dom.js";
import { ago, count, hexed, money, time } from "./words.js";

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
    redraw(this.#depth, [market.depth, tokens], () => (market.depth.length ? market.depth.map((side, index) => {
      const asks = side.asks.map((ask) => numbers(ask, "price"));
      const slots = asks.reduce((sum, ask) => sum + ask.slots, 0);
      const lowest = asks.length ? `, from ${amount(side.token)(Math.min(...asks.map((ask) => ask.price)))} a megasample` : "";
      const ceilings = side.bids.length ? `; dashed: the ceilings of ${count(side.bids.length, "open job")}` : "";
      const label = `${count(slots, "slot")} to be had${lowest}${ceilings}`;
      return h("figure", {},
        depth(label, asks, side.bids.map((bid) => numbers(bid, "price")), amount(side.token)),
        h("figcaption", {}, `${label}.`),
        h("details", { id: `depth-${index}` }, h("summary", {}, "As a table"), table("Asks of workers that are connected", [
          ["price a megasample", (ask) => amount(side.token)(ask.price), "num"], ["slots", (ask) => String(ask.slots), "num"],
        ], [...asks].sort((one, other) => one.price - other.price), "None.")));
    }) : h("p", { class: "soft" }, "Nobody asks for anything: no job was opened since these workers came.")));
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

  fail(message) {
    this.root.replaceChildren(h("p", { class: "bad" }, message));
  }
}
