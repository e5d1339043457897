// The escrow as a wallet sees it: calls spelled word by word, and its code held against the one that is published.
// All that is called has members of one word each, so that no library is needed to spell them.

const SELECTORS = {
  "open((address,address,address,address,address,address,uint16,uint40,uint32,uint32,bytes32),uint96)": "0x4aff6670",
  "jobId((address,address,address,address,address,address,uint16,uint40,uint32,uint32,bytes32))": "0x141c13a2",
  "account(bytes32)": "0x882358ae",
  "approve(address,uint256)": "0x095ea7b3",
  "allowance(address,address)": "0xdd62ed3e",
  "balanceOf(address)": "0x70a08231",
};
const WORD = 64; // hex digits
const PUSH1 = 0x60, PUSH32 = 0x7f;
export const ETHER = `0x${"0".repeat(40)}`;
export const STATUS = ["NONE", "OPEN", "CLOSED", "REFUNDED"];

/** A member of one word; refuses what does not fit, as an encoder would cut it without a word. */
function word(value) {
  const digits = typeof value === "string" && value.startsWith("0x") ? value.slice(2) : BigInt(value).toString(16);
  if (!/^[0-9a-fA-F]{1,64}$/.test(digits)) throw new Error(`${value} does not fit a word of the escrow's`);
  return digits.toLowerCase().padStart(WORD, "0");
}

export function calldata(name, ...values) {
  const found = Object.keys(SELECTORS).find((signature) => signature.startsWith(`${name}(`));
  return SELECTORS[found] + values.flat().map(word).join("");
}

export const words = (answer) => answer.slice(2).match(/.{64}/g) ?? [];

/** The terms in the order in which the escrow hashes them. */
export function members(terms) {
  return [terms.requester, terms.signer, terms.coordinator, terms.arbiter, terms.token, terms.author,
    terms.author_bps, terms.deadline, terms.window, terms.grace, terms.salt];
}

const bytes = (hex) => Uint8Array.from(hex.slice(2).match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** Whether deployed code is what `creation` deploys, in all but the words that the constructor fills in. */
export function isEscrow(deployed, creation) {
  const [code, made] = [bytes(deployed), bytes(creation)];
  if (code.length <= 32 || code.length >= made.length) return false;
  const template = made.slice(made.length - code.length);
  for (let at = 0; at < template.length;) {
    const operation = template[at];
    const operand = operation >= PUSH1 && operation <= PUSH32 ? operation - PUSH1 + 1 : 0;
    const blank = operation === PUSH32 && template.slice(at + 1, at + 33).every((byte) => byte === 0);
    const end = Math.min(at + 1 + operand, template.length);
    for (let each = at; each < end; each += 1) {
      if (code[each] !== template[each] && !(blank && each > at)) return false;
    }
    at = end;
  }
  return true;
}
