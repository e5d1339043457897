"""eth-tester's EVM behind JSON-RPC on loopback, for machines without npm: `python -m …devchain_server`.

Prints "Listening on HOST:PORT" as anvil does. For web3.py as the client: numbers stay numbers.
"""

import json
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionFailed
from eth_utils.exceptions import ValidationError
from web3 import EthereumTesterProvider, Web3
from web3.exceptions import Web3Exception

from tegula_market.adapters.devchain import ACCOUNTS, MNEMONIC, PATH

REVERTED = 3
"""Geth's error code for a reverted execution; its data is the contract's error."""
INVALID = -32602


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    """Head and body go out together; apart, the second waits 40 ms for a delayed ACK (Nagle)."""
    web3: Web3
    lock = threading.Lock()
    """eth-tester keeps one state and knows no threads."""

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.lock:
            answer = _answer(self.web3, request)
        body = json.dumps({"jsonrpc": "2.0", "id": request["id"], **answer}, default=_plain).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 its name in the base class
        """Nobody reads a line for each request."""


def serve() -> None:
    backend = PyEVMBackend.from_mnemonic(MNEMONIC, num_accounts=ACCOUNTS, hd_path=PATH)
    Handler.web3 = Web3(EthereumTesterProvider(EthereumTester(backend)))
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        sys.stdout.write(f"Listening on 127.0.0.1:{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()


def _answer(web3: Web3, request: dict[str, Any]) -> dict[str, Any]:
    """The result, or the error as Geth spells it."""
    ask = web3.provider.request_func(web3, web3.middleware_onion)
    try:
        answer = ask(request["method"], request.get("params", []))
    except TransactionFailed as error:
        return {"error": {"code": REVERTED, "message": "execution reverted", "data": _revert_data(error)}}
    except (ValidationError, Web3Exception, ValueError) as error:
        return {"error": {"code": INVALID, "message": str(error)}}
    return {key: value for key, value in answer.items() if key in ("result", "error")}


def _revert_data(error: BaseException) -> str:
    """The contract's own error, which eth-tester wraps in its own, as their context or argument."""
    for argument in error.args:
        if isinstance(argument, bytes):
            return "0x" + argument.hex()
        if isinstance(argument, BaseException):
            return _revert_data(argument)
    return _revert_data(error.__context__) if error.__context__ else "0x"


def _plain(value: bytes | Mapping[str, Any]) -> object:
    """What json does not know: hashes, and web3's AttributeDict."""
    return "0x" + bytes(value).hex() if isinstance(value, bytes) else dict(value)


if __name__ == "__main__":
    serve()
