// Wallets in this browser, as EIP-1193 has them talk and EIP-6963 has them found.

export class Declined extends Error {}

const REJECTED = 4001, UNKNOWN_CHAIN = 4902;
const BLOCK = 1500; // milliseconds between two looks for a transaction

/** Name and provider of each wallet; those that announce themselves, or else the one of old. */
export function wallets(found) {
  const seen = new Set();
  const take = (name, provider) => {
    if (!seen.has(provider)) { seen.add(provider); found(name, provider); }
  };
  addEventListener("eip6963:announceProvider", ({ detail }) => take(detail.info.name, detail.provider));
  dispatchEvent(new Event("eip6963:requestProvider"));
  if (!seen.size && window.ethereum) take("the browser's wallet", window.ethereum);
}

export class Wallet {
  constructor(provider) { this.provider = provider; }

  async ask(method, params = []) {
    try {
      return await this.provider.request({ method, params });
    } catch (error) {
      if (error.code === REJECTED) throw new Declined("You declined it in the wallet; nothing was done.");
      throw error;
    }
  }

  accounts() { return this.ask("eth_requestAccounts"); }

  /** A text that the wallet shows, signed by the account (EIP-191). */
  sign(text, account) {
    const digits = Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, "0"));
    return this.ask("personal_sign", [`0x${digits.join("")}`, account]);
  }

  call(to, data) { return this.ask("eth_call", [{ to, data }, "latest"]); }

  code(address) { return this.ask("eth_getCode", [address, "latest"]); }

  async chain() { return Number(await this.ask("eth_chainId")); }

  /** To the chain of that number, which the wallet has to know. */
  async move(chain) {
    if ((await this.chain()) === chain) return;
    try {
      await this.ask("wallet_switchEthereumChain", [{ chainId: `0x${chain.toString(16)}` }]);
    } catch (error) {
      if (error.code !== UNKNOWN_CHAIN) throw error;
      throw new Error(`The wallet does not know chain ${chain}; add it there, then try again.`);
    }
    if ((await this.chain()) !== chain) throw new Error(`The wallet stays on another chain than ${chain}; choose that one in it.`);
  }

  /** Sends, and waits until it is in a block. `sent` is told the hash at once. */
  async send(from, to, data, value, sent) {
    const hash = await this.ask("eth_sendTransaction", [{ from, to, data, value: `0x${value.toString(16)}` }]);
    sent(hash);
    for (;;) {
      const receipt = await this.ask("eth_getTransactionReceipt", [hash]);
      if (receipt && Number(receipt.status) === 1) return;
      if (receipt) throw new Error("The chain refused the transaction; nothing but its fee was spent.");
      await new Promise((resolve) => { setTimeout(resolve, BLOCK); });
    }
  }
}
