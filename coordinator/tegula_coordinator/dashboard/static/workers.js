// Workers by the device they render on: how they are, and what they have earned.

import { h, redraw, table } from "./dom.js";
import { count, hexed, money, percent, reason } from "./words.js";

function state(worker) {
  if (worker.code === "BANNED") return h("span", { class: "bad" }, "banned");
  if (!worker.online) return h("span", { class: "soft" }, "not connected");
  const busy = worker.leases + worker.probes;
  const doing = worker.verifier ? "rendering again" : "rendering";
  if (busy) return `${doing} ${busy} of ${worker.slots}`;
  return worker.verifier ? "waits for tiles to verify" : "idle";
}

/** Why it renders nothing, if it could. */
function idleness(worker) {
  if (worker.code === "BANNED") return worker.sentence;
  return worker.online && !worker.verifier && !worker.leases ? reason(worker.code, worker.sentence) : "";
}

function health(worker) {
  if (worker.verifier) return "verifier";
  return `${percent(worker.right)} right, ${percent(worker.in_time)} in time`;
}

export class WorkersView {
  title = "Workers";
  query = "";
  #holder = h("div");
  root = h("section", { "aria-labelledby": "workers-title" }, h("h1", { id: "workers-title" }, "Workers"), this.#holder);

  take(_name, _value, { workers, speeds, tokens }) {
    // A chance fades by the second; a tenth of a percent is what is shown of it.
    const shown = workers.map((each) => ({ ...each, right: each.right.toFixed(3), in_time: each.in_time.toFixed(3) }));
    redraw(this.#holder, [shown, speeds, tokens], () => {
      const devices = [...new Set(workers.map((worker) => worker.device))].sort();
      const online = workers.filter((worker) => worker.online);
      const summary = `${count(online.filter((each) => !each.verifier).length, "worker")} and `
        + `${count(online.filter((each) => each.verifier).length, "verifier")} connected. The chances are what the`
        + " market expects of the next tile; a new address stands at 80 %. Audits count since the last rejection.";
      return [h("p", { class: "soft" }, summary), ...devices.map((device) => {
        const here = workers.filter((worker) => worker.device === device)
          .sort((one, other) => other.online - one.online || one.worker.localeCompare(other.worker));
        const speed = speeds.find((each) => each.device === device);
        return h("section", {}, h("h2", {}, device || "device unknown"),
          speed ? h("p", { class: "soft" }, `${speed.mean.toPrecision(3)} megasamples a second, by ${count(speed.results, "result")}`
            + ` of ${count(speed.jobs, "job")}`) : null,
          table(`Workers and verifiers on ${device || "an unknown device"}`, [
            ["worker", (each) => hexed(each.worker)],
            ["state", (each) => [state(each), h("div", { class: "soft" }, idleness(each))], "long"],
            ["health", (each) => health(each)],
            ["audits passed", (each) => (each.verifier ? "–" : String(each.passed)), "num"],
            ["rejected", (each) => (each.rejected ? h("span", { class: "bad" }, String(each.rejected)) : "0"), "num"],
            ["earned", (each) => each.earned.map((sum) => h("div", {}, money(sum.earned, sum.token, tokens))), "num"],
            ["signed for", (each) => each.earned.map((sum) => h("div", {}, money(sum.signed, sum.token, tokens))), "num"],
          ], here, ""));
      }), workers.length ? null : h("p", {}, "No worker has ever joined. They dial the address that this coordinator prints.")];
    });
  }

  fail(message) {
    this.#holder.replaceChildren(h("p", { class: "bad" }, message));
  }
}
