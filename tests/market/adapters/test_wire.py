"""Real sockets on loopback, with CURVE."""

import asyncio

import pytest
import zmq

from tegula_market import messages
from tegula_market.adapters.wire import CurveKeys, NotBound, RubbishFrom, dealer, router
from tegula_market.model import JobId, WorkerId

SOON = 30.0
ANYWHERE = "tcp://127.0.0.1:*"


def test_keys_follow_from_their_secret_and_hide_it() -> None:
    keys = CurveKeys.generate()
    assert CurveKeys.of_secret(keys.secret) == keys
    assert keys.secret.hex() not in repr(keys)
    assert repr(keys.secret) not in repr(keys)


async def _exchange() -> None:
    ours, theirs = CurveKeys.generate(), CurveKeys.generate()
    async with router(ANYWHERE, ours) as hub, dealer(hub.endpoint, ours.public, theirs) as worker:
        await worker.send(messages.Heartbeat())
        async with asyncio.timeout(SOON):
            who, said = await hub.receive()
            assert (who, said) == (theirs.public, messages.Heartbeat())
            ended = messages.Ended(JobId(bytes(32)), "over")
            assert await hub.send(who, ended)
            assert await worker.receive() == ended
        hub.forget(who)
        assert not await hub.send(who, ended)


def test_a_peer_is_its_authenticated_key() -> None:
    asyncio.run(_exchange())


async def _rubbish() -> None:
    ours, theirs = CurveKeys.generate(), CurveKeys.generate()
    async with router(ANYWHERE, ours) as hub, dealer(hub.endpoint, ours.public, theirs) as worker:
        await worker._socket.send_multipart([b"tm1", b"HELLO", b"{}"])
        await worker.send(messages.Heartbeat())
        async with asyncio.timeout(SOON):
            with pytest.raises(RubbishFrom) as caught:
                await hub.receive()
            assert caught.value.worker == theirs.public
            assert await hub.receive() == (theirs.public, messages.Heartbeat())


def test_rubbish_names_its_sender_and_harms_nothing() -> None:
    asyncio.run(_rubbish())


async def _impostor() -> None:
    ours, others, theirs = CurveKeys.generate(), CurveKeys.generate(), CurveKeys.generate()
    async with router(ANYWHERE, others) as impostor, dealer(impostor.endpoint, ours.public, theirs) as worker:
        monitor = worker._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        await worker.send(messages.Heartbeat())
        try:
            async with asyncio.timeout(SOON):
                await monitor.recv_multipart()  # the handshake broke off
        finally:
            worker._socket.disable_monitor()
            monitor.close()
        assert not impostor._socket.poll(0)


async def _taken() -> None:
    async with router(ANYWHERE, CurveKeys.generate()) as hub:
        with pytest.raises(NotBound, match="cannot listen for workers on tcp://"):
            async with router(hub.endpoint, CurveKeys.generate()):
                pass


def test_an_address_that_is_taken_is_a_sentence() -> None:
    asyncio.run(_taken())


def test_a_worker_does_not_talk_to_an_impostor() -> None:
    asyncio.run(_impostor())


async def _forgotten_between_two() -> None:
    ours, theirs = CurveKeys.generate(), CurveKeys.generate()
    async with router(ANYWHERE, ours) as hub, dealer(hub.endpoint, ours.public, theirs) as worker:
        for _ in range(2):
            await worker.send(messages.Heartbeat())
        async with asyncio.timeout(SOON):
            who, _ = await hub.receive()
            hub.forget(who)
            assert not await hub.send(who, messages.Heartbeat())
            await hub.receive()
            assert await hub.send(who, messages.Heartbeat())


def test_a_peer_that_was_forgotten_is_known_again_by_its_next_message() -> None:
    asyncio.run(_forgotten_between_two())


async def _unknown_and_again() -> None:
    ours, theirs = CurveKeys.generate(), CurveKeys.generate()
    async with router(ANYWHERE, ours) as hub:
        assert not await hub.send(WorkerId(bytes(32)), messages.Heartbeat())
        for _connection in range(2):
            async with dealer(hub.endpoint, ours.public, theirs) as worker, asyncio.timeout(SOON):
                await worker.send(messages.Heartbeat())
                who, _ = await hub.receive()
                assert await hub.send(who, messages.Heartbeat())
                assert await worker.receive() == messages.Heartbeat()


def test_the_newest_connection_of_a_key_is_the_one_spoken_to() -> None:
    asyncio.run(_unknown_and_again())
