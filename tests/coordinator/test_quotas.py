import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from coordinator.test_access import ALL_BYTES, ELSEWHERE, GUEST, HERE, OTHER_GUEST, STUDIO
from tegula_coordinator.bearer import Token
from tegula_coordinator.quotas import LEAST_UPLOAD, SIGN_INS, SIGN_INS_EACH, Quotas
from tegula_coordinator.refusals import TooMany


@pytest.fixture
def quotas() -> Quotas:
    return Quotas(ALL_BYTES)


def test_a_day_has_as_many_bytes_as_a_token_is_for(quotas: Quotas) -> None:
    studio = replace(STUDIO, upload_bytes=10 * LEAST_UPLOAD)

    async def upload(token: Token, size: int, announced: int) -> int:
        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, size, 1000):
                yield bytes(min(1000, size - start))

        return sum([len(chunk) async for chunk in quotas.uploading(token, announced, chunks())])

    def uploaded(size: int, announced: int, token: Token = studio) -> int:
        return asyncio.run(upload(token, size, announced))

    assert uploaded(5 * LEAST_UPLOAD, 5 * LEAST_UPLOAD) == 5 * LEAST_UPLOAD
    assert uploaded(1, 1) == 1  # and counts for a block
    with pytest.raises(TooMany, match=f"{10 * LEAST_UPLOAD} bytes a day") as caught:
        uploaded(0, 5 * LEAST_UPLOAD)  # refused before a byte is read
    assert 80_000 < caught.value.retry_after <= 86_400
    assert uploaded(4 * LEAST_UPLOAD, 0) == 4 * LEAST_UPLOAD
    with pytest.raises(TooMany):
        uploaded(1, 0)
    assert uploaded(100 * LEAST_UPLOAD, 0, STUDIO) == 100 * LEAST_UPLOAD


def test_an_upload_that_does_not_say_its_size_is_stopped(quotas: Quotas) -> None:
    seen: list[int] = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1000)

    async def upload() -> None:
        async for chunk in quotas.uploading(replace(STUDIO, upload_bytes=10**5), 0, endless()):
            seen.append(len(chunk))

    with pytest.raises(TooMany):
        asyncio.run(upload())
    assert sum(seen) == 10**5


def test_accounts_that_signed_in_share_the_bytes_of_a_day(quotas: Quotas) -> None:
    """Or whoever makes accounts, which cost nothing, could fill the disk."""

    async def upload(token: Token, size: int) -> int:
        async def chunks() -> AsyncIterator[bytes]:
            yield bytes(size)

        return sum([len(chunk) async for chunk in quotas.uploading(token, size, chunks())])

    assert asyncio.run(upload(GUEST, 6 * LEAST_UPLOAD)) == 6 * LEAST_UPLOAD
    with pytest.raises(TooMany, match=f"may send {ALL_BYTES} bytes a day together; try again"):
        asyncio.run(upload(OTHER_GUEST, 5 * LEAST_UPLOAD))
    assert asyncio.run(upload(OTHER_GUEST, 4 * LEAST_UPLOAD)) == 4 * LEAST_UPLOAD
    assert asyncio.run(upload(STUDIO, 20 * LEAST_UPLOAD)) == 20 * LEAST_UPLOAD


def test_sign_ins_are_begun_as_often_as_people_do(quotas: Quotas) -> None:
    def ask(*peers: str) -> None:
        for peer in peers:
            quotas.count_sign_in(peer)

    with pytest.raises(TooMany, match=f"{SIGN_INS_EACH} sign-ins a minute may be begun by {HERE}"):
        ask(*[HERE] * (2 * SIGN_INS_EACH + 1))  # a minute may begin in between
    ask(ELSEWHERE)
    with pytest.raises(TooMany, match="by all; try again in"):
        ask(*map(str, range(2 * SIGN_INS + 1)))
