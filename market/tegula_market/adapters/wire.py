"""Home of ZeroMQ: a coordinator's ROUTER and a worker's DEALER, both with CURVE.

Any CURVE key may connect, the market is open; who a peer is, is the key that ZAP authenticated and never
a name that it claims. The pattern is pyzmq's examples/security/asyncio-ironhouse.py.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import zmq
import zmq.asyncio
from zmq.auth.asyncio import AsyncioAuthenticator
from zmq.auth.base import CURVE_ALLOW_ANY
from zmq.utils import z85

from tegula_market import messages
from tegula_market.codec import MalformedInput
from tegula_market.messages import FromCoordinator, FromWorker, Message
from tegula_market.model import TegulaError, WorkerId

HIGH_WATER_MARK = 10_000
"""Messages queued for one peer; a peer further behind than this is as good as gone."""
BURST = 32
"""Messages that are taken before others have a turn; some ten milliseconds' worth."""
GOODBYE_MS = 300
"""How long a worker that leaves waits for its last word to go out."""
RECONNECT_MS = 200, 5_000
"""First and longest pause before a worker dials again."""


class NotBound(TegulaError):
    """An address that workers were to dial cannot be listened on."""


@dataclass(frozen=True, slots=True)
class CurveKeys:
    """A CURVE key pair, 32 bytes each."""

    public: bytes
    secret: bytes = field(repr=False)

    @classmethod
    def generate(cls) -> "CurveKeys":
        public, secret = zmq.curve_keypair()
        return cls(z85.decode(public), z85.decode(secret))

    @classmethod
    def of_secret(cls, secret: bytes) -> "CurveKeys":
        return cls(z85.decode(zmq.curve_public(z85.encode(secret))), secret)


class Router:
    """The coordinator's socket: receives from authenticated workers, sends to those that are connected.

    A plain socket, of which the event loop watches the descriptor: pyzmq's own for asyncio makes futures for
    every message, which takes longer than the message.
    """

    def __init__(self, socket: "zmq.Socket[bytes]", endpoint: str) -> None:
        self._socket = socket
        self._routes: dict[WorkerId, bytes] = {}
        self._unread: deque[tuple[WorkerId, bytes, list[bytes]]] = deque()
        self._changed = asyncio.Event()
        self._emptied = self._idle = False
        """Whether all was read at some time since `caught_up` was asked, and is, as far as is known."""
        self._said: tuple[Message | None, list[bytes]] = None, []
        """The last message and its spelling: a call goes to all workers."""
        self.endpoint = endpoint
        """Where it is bound, with the port that the system chose."""

    async def receive(self) -> tuple[WorkerId, FromWorker]:
        """The next message and who said it.

        Raises:
            MalformedInput: a peer sent rubbish; its `worker` attribute names it.
        """
        while not self._unread:
            self._changed.clear()
            self._read()
            if self._unread:
                await asyncio.sleep(0)  # or whoever is asked without pause would never let others go on
            else:
                self._emptied = self._idle = True
                await self._changed.wait()
                self._idle = False
        worker, self._routes[worker], frames = self._unread.popleft()
        try:
            return worker, messages.from_worker(frames)
        except MalformedInput as error:
            raise RubbishFrom(worker, str(error)) from error

    async def send(self, worker: WorkerId, message: Message) -> bool:
        """Whether the message was handed to a live connection; a reconnecting worker gets it told anew."""
        route = self._routes.get(worker)
        if route is None:
            return False
        if message is not self._said[0]:
            self._said = message, messages.encode(message)
        # The descriptor tells of a change once: what comes in during a send is not told of again.
        self._changed.set()
        try:
            self._socket.send_multipart([route, *self._said[1]], flags=zmq.DONTWAIT)
        except (zmq.Again, zmq.error.ZMQError) as error:
            if error.errno not in (zmq.EHOSTUNREACH, zmq.EAGAIN):
                raise
            return False
        return True

    def caught_up(self) -> bool:
        """Whether at any time since this was asked last nothing was left to be read."""
        emptied, self._emptied = self._emptied, self._idle and not self._changed.is_set()
        return emptied

    def forget(self, worker: WorkerId) -> None:
        self._routes.pop(worker, None)

    def changed(self) -> None:
        """The socket's descriptor says so."""
        self._changed.set()

    def _read(self) -> None:
        """What is there, up to a burst of it."""
        try:
            for _ in range(BURST):
                first = self._socket.recv(flags=zmq.DONTWAIT, copy=False)
                frames = self._socket.recv_multipart() if first.more else []
                self._unread.append((_worker(str(first.get("User-Id"))), first.bytes, frames))
        except zmq.Again:
            pass


@lru_cache(maxsize=HIGH_WATER_MARK)
def _worker(user_id: str) -> WorkerId:
    return WorkerId(z85.decode(user_id))


class RubbishFrom(MalformedInput):
    """A known peer's malformed message."""

    def __init__(self, worker: WorkerId, reason: str) -> None:
        super().__init__(reason)
        self.worker = worker


@asynccontextmanager
async def router(bind: str, keys: CurveKeys) -> AsyncIterator[Router]:
    """A bound ROUTER socket.

    Raises:
        NotBound: the address is taken, or is none of this machine's.
    """
    context = zmq.Context()
    authenticator = AsyncioAuthenticator(context)
    authenticator.start()
    authenticator.configure_curve(domain="*", location=CURVE_ALLOW_ANY)
    socket = context.socket(zmq.ROUTER)
    socket.curve_server = True
    _configure(socket, keys)
    socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
    try:
        try:
            socket.bind(bind)
        except zmq.ZMQError as error:
            raise NotBound(f"cannot listen for workers on {bind}: {error.strerror}") from error
        made = Router(socket, socket.getsockopt_string(zmq.LAST_ENDPOINT))
        asyncio.get_running_loop().add_reader(socket.FD, made.changed)
        yield made
    finally:
        asyncio.get_running_loop().remove_reader(socket.FD)
        socket.close()
        authenticator.stop()
        context.term()
        # pyzmq 27 unwatches the authenticator's descriptor some turns of the loop after closing it; a
        # router opened before would get the same number, and never hear its own authenticator.
        for _ in range(10):
            await asyncio.sleep(0)


class Dealer:
    """A worker's socket: dials out, reconnects by itself, is never connected to."""

    def __init__(self, socket: zmq.asyncio.Socket) -> None:
        self._socket = socket

    async def receive(self) -> FromCoordinator:
        """Raises: MalformedInput: the coordinator speaks another version."""
        return messages.from_coordinator(await self._socket.recv_multipart())

    async def send(self, message: Message) -> None:
        await self._socket.send_multipart(messages.encode(message))


@asynccontextmanager
async def dealer(endpoint: str, coordinator_key: bytes, keys: CurveKeys) -> AsyncIterator[Dealer]:
    """A DEALER socket that dials `endpoint` and trusts only the holder of `coordinator_key` there."""
    context = zmq.asyncio.Context()
    socket = context.socket(zmq.DEALER)
    _configure(socket, keys)
    socket.curve_serverkey = z85.encode(coordinator_key)
    socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS[0])
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_MS[1])
    try:
        socket.connect(endpoint)
        yield Dealer(socket)
    finally:
        socket.close(linger=GOODBYE_MS)
        context.term()


def _configure(socket: "zmq.Socket[Any]", keys: CurveKeys) -> None:
    socket.curve_publickey = z85.encode(keys.public)
    socket.curve_secretkey = z85.encode(keys.secret)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.SNDHWM, HIGH_WATER_MARK)
    socket.setsockopt(zmq.RCVHWM, HIGH_WATER_MARK)
    socket.setsockopt(zmq.MAXMSGSIZE, 2 * messages.MAX_BYTES)
