// The page where a requester's wallet pays a deposit. What is signed follows from the order alone: the terms in it
// are hashed by the escrow itself, and compared with the job that the coordinator would take.

import { facts, h } from "./dom.js";
import { ETHER, STATUS, calldata, isEscrow, members, words } from "./escrow.js";
import { Wallet, wallets } from "./wallet.js";
import { count, hexed, lower, money, span, time, transaction } from "./words.js";

const part = (id) => document.getElementById(id);
const same = (one, other) => one.toLowerCase() === other.toLowerCase();
let asked = null;

async function coordinator(path, token, body) {
  const answer = await fetch(path, {
    method: body ? "POST" : "GET", credentials: "omit", body: body && JSON.stringify(body),
    headers: { ...(token && { Authorization: `Bearer ${token}` }), ...(body && { "Content-Type": "application/json" }) },
  });
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  throw new Error(typeof said.detail === "string" ? said.detail : `The coordinator answers ${answer.status}.`);
}

function read(text) {
  let raw;
  try {
    raw = JSON.parse(text);
  } catch {
    throw new Error("That is no JSON; paste the whole order, from { to }.");
  }
  const order = raw?.order ?? raw;
  if (typeof order !== "object" || !order?.terms) throw new Error("That is no order: it has no terms. Paste the whole of it.");
  return order;
}

function showTerms(order, deposit) {
  const { terms } = order;
  const amount = money(deposit.amount, terms.token, deposit.tokens);
  const until = terms.deadline - Date.now() / 1000;
  part("terms").replaceChildren(
    h("h2", { id: "terms-title" }, "2. What you pay for"),
    facts([
      ["deposit", amount],
      ["at most a megasample", money(order.ceiling, terms.token, deposit.tokens)],
      ["work", [count(deposit.tiles, "tile"), `, ${count(order.frames.length, "frame")}`]],
      ["no work is paid after", `${time(terms.deadline)}, in ${span(until)}`],
      ["the rest is back at the latest", time(terms.deadline + terms.grace)],
      ["from your account", hexed(terms.requester)],
      ["into the escrow", hexed(deposit.escrow)],
      ["on chain", String(deposit.chain_id)],
      ["coordinator", hexed(terms.coordinator)],
      ["arbiter", terms.arbiter === ETHER ? "none" : hexed(terms.arbiter)],
      ["author's part", terms.author_bps ? [`${terms.author_bps / 100} % to `, hexed(terms.author)] : "none"],
      ["job", hexed(deposit.job)],
    ]),
    h("p", { class: "soft" }, "The deposit is the most that the job can cost. Every tile is paid what its round cleared at, and the rest",
      " returns when the job is closed."),
  );
  part("terms").hidden = false;
}

function step(text, kind = "") {
  part("steps").append(h("li", { class: kind }, text));
}

async function payer(wallet, { requester }) {
  const account = (await wallet.accounts()).find((each) => same(each, requester));
  if (!account) throw new Error(`The order names ${requester} as the one who pays; choose that account in the wallet.`);
  return account;
}

/** What must be true before anything is signed; says why not. */
async function check(wallet, order, deposit) {
  const { terms } = order;
  const account = await payer(wallet, terms);
  await wallet.move(deposit.chain_id);
  if (!isEscrow(await wallet.code(deposit.escrow), deposit.creation)) {
    throw new Error(`What is at ${deposit.escrow} on this chain is not Tegula's escrow; pay nothing, and ask the operator.`);
  }
  const job = await wallet.call(deposit.escrow, calldata("jobId", members(terms)));
  if (!same(job, deposit.job)) throw new Error("The escrow knows these terms as another job than the coordinator; pay nothing.");
  step("The chain, the escrow's code and the job are what they should be.", "good");
  return account;
}

/** The account in the wallet that the order names, if there is an order already; else the one that is chosen there. */
async function signer(wallet) {
  if (!part("order").value.trim()) return (await wallet.accounts())[0];
  return payer(wallet, read(part("order").value).terms);
}

async function signIn(provider) {
  const wallet = new Wallet(provider);
  const account = await signer(wallet);
  const { nonce, message } = await coordinator("../v1/sign-in/message", null, { account });
  const signature = await wallet.sign(message, account);
  const { token, expires } = await coordinator("../v1/sign-in", null, { nonce, signature });
  part("token").value = token;
  part("signed").replaceChildren("Signed in as ", hexed(account), `, until ${time(expires)}.`);
}

async function offerSignIn() {
  const { offered } = await coordinator("../v1/sign-in");
  if (!offered) return;
  wallets((name, provider) => {
    part("signing").hidden = false;
    part("signers").append(h("button", { type: "button", class: "quiet", click: guarded(() => signIn(provider)) }, `Sign in with ${name}`), " ");
  });
}

async function holds(wallet, token, account) {
  if (token === ETHER) return BigInt(await wallet.ask("eth_getBalance", [account, "latest"]));
  return BigInt(await wallet.call(token, calldata("balanceOf", account)));
}

async function pay(provider) {
  const { order, deposit } = asked;
  const { terms } = order;
  const [wallet, amount, escrow] = [new Wallet(provider), BigInt(deposit.amount), deposit.escrow];
  const shown = (units) => money(String(units), terms.token, deposit.tokens);
  const sent = (what) => (hash) => step([`${what}: `, transaction(hash, deposit.explorer), ". Waiting for the chain …"]);
  const account = await check(wallet, order, deposit);
  const status = STATUS[Number(`0x${words(await wallet.call(escrow, calldata("account", deposit.job)))[3]}`)];
  if (status === "OPEN") return step("The job is open already, and its deposit in the escrow.", "good");
  if (status !== "NONE") throw new Error(`The job was ${lower(status)} before; order again, with another salt.`);
  const held = await holds(wallet, terms.token, account);
  if (held < amount) throw new Error(`The account has ${shown(held)} and the deposit is ${shown(amount)}; fund it first.`);
  if (terms.token !== ETHER && BigInt(await wallet.call(terms.token, calldata("allowance", account, escrow))) < amount) {
    step(`The wallet asks whether the escrow may take ${shown(amount)}, and no more.`);
    await wallet.send(account, terms.token, calldata("approve", escrow, amount), 0n, sent("Allowed by"));
  }
  step("The wallet asks whether to open the job.");
  const value = terms.token === ETHER ? amount : 0n;
  await wallet.send(account, escrow, calldata("open", members(terms), amount), value, sent("Opened by"));
  return step(`Done: ${shown(amount)} are in the escrow for this job. Whoever ordered can go on.`, "good");
}

function guarded(act) {
  return async (event) => {
    event?.preventDefault();
    part("problem").textContent = "";
    const buttons = [...document.querySelectorAll("button")];
    for (const each of buttons) each.disabled = true;
    try {
      await act(event);
    } catch (error) {
      part("problem").textContent = error.message ?? "The wallet says no, and not why.";
    } finally {
      for (const each of buttons) each.disabled = false;
    }
  };
}

part("file").addEventListener("change", async ({ target }) => {
  if (target.files[0]) part("order").value = await target.files[0].text();
});
part("ask").addEventListener("submit", guarded(async () => {
  for (const id of ["terms", "paying"]) part(id).hidden = true;
  const order = read(part("order").value);
  const deposit = await coordinator("../v1/deposits/terms", part("token").value.trim(), { order });
  asked = { order, deposit };
  showTerms(order, deposit);
  part("steps").replaceChildren();
  part("wallets").replaceChildren("There is no wallet in this browser; install one, and load this page again.");
  let first = true;
  wallets((name, provider) => {
    if (first) part("wallets").replaceChildren();
    first = false;
    part("wallets").append(h("button", { type: "button", click: guarded(() => { part("steps").replaceChildren(); return pay(provider); }) },
      `Pay with ${name}`), " ");
  });
  part("paying").hidden = false;
}));
guarded(offerSignIn)();
