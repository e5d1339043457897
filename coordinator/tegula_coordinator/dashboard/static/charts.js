// Two charts, drawn by hand: how much is asked at which price, and what was paid hour by hour.

import { h } from "./dom.js";

const WIDTH = 560, HEIGHT = 260, LEFT = 116, RIGHT = 14, TOP = 16, BOTTOM = 34;

const scale = (from, to, start, end) => (value) => start + ((value - from) / (to - from || 1)) * (end - start);

function frame(label, ticksX, ticksY, ...drawn) {
  return h("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label },
    ticksY.map(([y, text]) => [
      h("line", { class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: y, y2: y }),
      h("text", { x: LEFT - 8, y: y + 4, "text-anchor": "end" }, text),
    ]),
    ticksX.map(([x, text, anchor]) => h("text", { x, y: HEIGHT - 12, "text-anchor": anchor ?? "middle" }, text)),
    drawn);
}

/** Slots to be had at each price or less, and where the ceilings of open jobs are. Prices are numbers of units. */
export function depth(label, asks, bids, text) {
  const steps = [...asks].sort((one, other) => one.price - other.price);
  const prices = [...steps, ...bids].map((each) => each.price);
  const most = steps.reduce((sum, ask) => sum + ask.slots, 0) || 1;
  const top = Math.max(...prices) * 1.1;
  const x = scale(0, top, LEFT, WIDTH - RIGHT);
  const y = scale(0, most, HEIGHT - BOTTOM, TOP);
  let sum = 0;
  let line = `M${x(0)} ${y(0)}`;
  for (const ask of steps) {
    line += `H${x(ask.price)}`;
    sum += ask.slots;
    line += `V${y(sum)}`;
  }
  line += `H${x(top)}`;
  const halves = most > 1 ? [0, Math.round(most / 2), most] : [0, 1];
  return frame(label,
    [[x(0), text(0), "start"], [x(top / 2), text(top / 2)], [x(top), text(top), "end"]],
    halves.map((slots) => [y(slots), `${slots} slots`]),
    h("path", { class: "area", d: `${line}V${y(0)}Z` }), h("path", { class: "asks", d: line }),
    bids.map((bid) => h("line", { class: "bid", x1: x(bid.price), x2: x(bid.price), y1: TOP, y2: HEIGHT - BOTTOM })));
}

/** Hours by open, high, low and close, and the volume below; hours in which nothing happened are left out. */
export function candles(label, hours, text) {
  const low = Math.min(...hours.map((hour) => hour.low));
  const high = Math.max(...hours.map((hour) => hour.high));
  const room = (high - low || high) * 0.15;
  const y = scale(Math.max(0, low - room), high + room, HEIGHT - BOTTOM - 44, TOP);
  const volume = scale(0, Math.max(...hours.map((hour) => hour.volume)) || 1, 0, 36);
  const step = Math.min(48, (WIDTH - LEFT - RIGHT) / hours.length);
  const body = Math.max(2, step * 0.6);
  const middle = (index) => LEFT + step * (index + 0.5);
  const clock = (hour) => new Date(hour.start * 1000).toISOString().slice(5, 16).replace("T", " ");
  const ends = hours.length > 1 ? [[LEFT, clock(hours[0]), "start"], [middle(hours.length - 1), clock(hours.at(-1)),
    hours.length > 6 ? "end" : "start"]] : [[LEFT, clock(hours[0]), "start"]];
  const between = hours.length > 1 && hours.length < 4 ? ends.slice(0, 1) : ends;
  return frame(label, between, [[y(low), text(low)], ...(high > low ? [[y(high), text(high)]] : [])],
    hours.map((hour, index) => [
      h("rect", { class: "volume", x: middle(index) - body / 2, width: body,
        y: HEIGHT - BOTTOM - volume(hour.volume), height: volume(hour.volume) }),
      h("line", { class: "wick", x1: middle(index), x2: middle(index), y1: y(hour.high), y2: y(hour.low) }),
      h("rect", { class: hour.close >= hour.open ? "up" : "down", x: middle(index) - body / 2, width: body,
        y: y(Math.max(hour.open, hour.close)), height: Math.max(2, Math.abs(y(hour.open) - y(hour.close))) }),
    ]));
}
