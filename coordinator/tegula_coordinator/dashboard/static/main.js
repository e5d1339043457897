// The dashboard: signs in, follows the coordinator, and shows one view, which the address names.

import { Refused, ask, forget, keep, listen, token } from "./connection.js";
import { JobView } from "./job.js";
import { JobsView } from "./jobs.js";
import { MarketView } from "./market.js";
import { WorkersView } from "./workers.js";

const AGAIN = 2000; // milliseconds until a coordinator that is away is asked again
const part = (id) => document.getElementById(id);

let view = null;
let market = null;
let following = null;

function wanted() {
  const [name, ...options] = location.hash.slice(1).split("&");
  return { name: name || "jobs", options: new URLSearchParams(options.join("&")) };
}

function opened({ name, options }) {
  if (name.startsWith("job=")) return new JobView(name.slice(4), options);
  return new ({ workers: WorkersView, market: MarketView }[name] ?? JobsView)();
}

function say(text, away = false) {
  const state = part("state");
  if (state.textContent !== text) state.textContent = text; // it is read out: only what has changed is said
  state.classList.toggle("away", away);
}

async function follow() {
  following?.abort();
  const mine = (following = new AbortController());
  const started = view;
  while (!mine.signal.aborted) {
    try {
      await started.prepare?.(mine.signal);
      await listen(`../v1/operator/events${started.query}`, mine.signal, (name, value) => {
        say("connected");
        if (name === "market") market = value;
        started.take(name, value, market);
      });
      say("the coordinator has ended; waiting for it", true);
    } catch (error) {
      if (mine.signal.aborted) return;
      if (error instanceof Refused && error.status === 401) return signIn(error.message);
      if (error instanceof Refused) return started.fail(error.message);
      say("cannot reach the coordinator; trying again", true);
    }
    started.begin?.();
    await new Promise((resolve) => { setTimeout(resolve, AGAIN); });
  }
}

function show() {
  const name = wanted().name;
  for (const link of part("views").children) {
    const here = link.hash === `#${name}` || (link.hash === "#jobs" && name.startsWith("job="));
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  view = opened(wanted());
  part("view").replaceChildren(view.root);
  document.title = `${view.title} · Tegula`;
  if (market) view.take("market", market, market);
  follow();
}

function signIn(refused = "") {
  following?.abort();
  market = null;
  forget();
  say("");
  for (const id of ["view", "views", "leave"]) part(id).hidden = true;
  part("enter").hidden = false;
  part("refused").textContent = refused;
  document.title = "Sign in · Tegula";
  part("token").focus();
}

function enter() {
  part("enter").hidden = true;
  for (const id of ["view", "views", "leave"]) part(id).hidden = false;
  show();
}

part("enter").addEventListener("submit", async (event) => {
  event.preventDefault();
  const given = part("token").value.trim();
  keep(given);
  try {
    await ask("../v1/operator");
    part("token").value = "";
    enter();
    part("main").focus({ preventScroll: true });
  } catch (error) {
    signIn(error instanceof Refused ? error.message : "The coordinator cannot be reached; is it running?");
  }
});
part("leave").addEventListener("click", () => signIn());
addEventListener("hashchange", () => {
  if (!token()) return;
  show();
  part("main").focus({ preventScroll: true });
  scrollTo(0, 0);
});

if (token()) enter();
else signIn();
