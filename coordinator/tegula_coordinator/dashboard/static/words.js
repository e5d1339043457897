// Values as people read them. Money stays an integer until it is text.

import { h } from "./dom.js";

export const short = (hex) => `${hex.slice(0, 8)}…${hex.slice(-4)}`;

export function hexed(hex) {
  return h("span", { class: "mono", title: hex }, short(hex));
}

export const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

/** Token units, a decimal string, in the token's own unit; raw if nobody knows what it is called. */
export function money(units, token, tokens) {
  const known = tokens[token];
  if (!known) return `${BigInt(units).toLocaleString("en")} units`;
  const whole = 10n ** BigInt(known.decimals);
  const amount = BigInt(units);
  const rest = (amount % whole).toString().padStart(known.decimals, "0").replace(/0+$/, "").padEnd(2, "0");
  return `${(amount / whole).toLocaleString("en")}.${rest} ${known.symbol}`;
}

export function span(seconds) {
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const [name, size] = units.find(([, each]) => Math.abs(seconds) >= each) ?? units[3];
  return `${Math.floor(seconds / size)} ${name}`;
}

export const ago = (at, now) => (now - at < 2 ? "now" : `${span(now - at)} ago`);

export const time = (at) => new Date(at * 1000).toISOString().slice(0, 16).replace("T", " ") + " UTC";

export const percent = (share) => `${(100 * share).toFixed(share > 0.995 || share === 0 ? 0 : 1)} %`;

export const lower = (text) => text.toLowerCase();

export function transaction(hash, explorer) {
  if (!hash) return "";
  const shown = h("span", { class: "mono", title: hash }, short(hash));
  if (!explorer) return shown;
  return h("a", { href: `${explorer}/tx/${hash}`, rel: "noopener noreferrer", target: "_blank" }, shown);
}

/** Colours of workers, in the order in which they are met. */
export class Colours {
  #of = new Map();

  of(worker) {
    if (!this.#of.has(worker)) this.#of.set(worker, this.#of.size % 8);
    return `k${this.#of.get(worker)}`;
  }
}

const REFUSALS = {
  ABOVE_CEILING: "asks more than the ceiling",
  OUTBID: "outbid: cheaper asks took all the work",
  OUTRANKED: "outranked: surer or faster workers took all the work",
};

/** Short words for the common reasons; their sentences count in token units, which people do not. */
export const reason = (code, sentence) => REFUSALS[code] ?? sentence;
