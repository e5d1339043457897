// All jobs: those that are live, then those that ended last.

import { h, redraw, table } from "./dom.js";
import { count, hexed, lower, money } from "./words.js";

export const under = (tally) => (tally.LEASED ?? 0) + (tally.DELIVERED ?? 0);
const lost = (tally) => (tally.DEAD ?? 0) + (tally.CANCELLED ?? 0);

/** How far a job is, as a picture; what it says is said in text beside it. */
export function meter(job) {
  const parts = [["", job.tally.ACCEPTED ?? 0], ["doing", under(job.tally)], ["lost", lost(job.tally)]];
  return h("div", { class: "meter", "aria-hidden": "true" }, parts.map(([kind, tiles]) => {
    const made = h("span", { class: kind });
    made.style.width = `${(100 * tiles) / job.tiles}%`;
    return made;
  }));
}

export function progress(job) {
  const said = [`${(job.tally.ACCEPTED ?? 0).toLocaleString("en")} of ${count(job.tiles, "tile")}`];
  if (under(job.tally)) said.push(`${under(job.tally).toLocaleString("en")} under way`);
  if (lost(job.tally)) said.push(`${lost(job.tally).toLocaleString("en")} given up`);
  return said.join(", ");
}

export class JobsView {
  title = "Jobs";
  query = "";
  #holder = h("div");
  root = h("section", { "aria-labelledby": "jobs-title" }, h("h1", { id: "jobs-title" }, "Jobs"), this.#holder);

  take(_name, _value, { jobs, tokens }) {
    redraw(this.#holder, [jobs, tokens], () => table(
      count(jobs.filter((job) => job.phase === "OPEN").length, "open job"),
      [
        ["job", (job) => h("a", { href: `#job=${job.job}`, id: `to-${job.job}` }, hexed(job.job))],
        ["state", (job) => (job.adrift ? "waits for its deposit" : lower(job.phase))],
        ["tiles", (job) => [progress(job), meter(job)]],
        ["clearing price a megasample", (job) => (job.price ? money(job.price, job.token, tokens) : "–"), "num"],
        ["earned", (job) => money(job.earned, job.token, tokens), "num"],
        ["deposit", (job) => money(job.funded, job.token, tokens), "num"],
      ],
      jobs,
      "No job was ever opened here. Requesters open them from Blender or with the tegula command.",
    ));
  }

  fail(message) {
    this.#holder.replaceChildren(h("p", { class: "bad" }, message));
  }
}
