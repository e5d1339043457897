// What is asked of the coordinator. The token lives in this tab's session storage, and goes out in a header only:
// no cookie, so no other site can have the browser act in the operator's name.

const KEY = "tegula operator";

/** An answer that asking again does not change. */
export class Refused extends Error {
  constructor(status, said) {
    super(said);
    this.status = status;
  }
}

export const token = () => sessionStorage.getItem(KEY);
export const keep = (given) => sessionStorage.setItem(KEY, given);
export const forget = () => sessionStorage.removeItem(KEY);

export async function ask(path, signal) {
  const answer = await fetch(path, {
    headers: { Authorization: `Bearer ${token()}` }, credentials: "omit", signal,
  });
  if (answer.ok) return answer;
  const { detail } = await answer.json().catch(() => ({}));
  const said = typeof detail === "string" ? detail : `the coordinator answers ${answer.status}`;
  throw answer.status >= 400 && answer.status < 500 ? new Refused(answer.status, said) : new Error(said);
}

/** Server-sent events. EventSource would do, but it sends no header. Ends when the coordinator does. */
export async function listen(path, signal, take) {
  const answer = await ask(path, signal);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const events = text.split("\n\n");
    text = events.pop();
    for (const event of events) {
      const [name, data] = event.split("\n");
      take(name.slice("event: ".length), JSON.parse(data.slice("data: ".length)));
    }
  }
}
