"""A full disk, told from all else that can go wrong."""

import errno

import pytest

from tegula_market.adapters.blobs import BlobError
from tegula_worker import room
from tegula_worker.room import NoRoom


def _write(number: int) -> None:
    raise OSError(number, "no room")


def _fetch(number: int) -> None:
    try:
        _write(number)
    except OSError as error:
        raise BlobError("cannot store a blob") from error


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_it_is_found_behind_what_came_of_it(number: int) -> None:
    with pytest.raises(NoRoom, match="it: this machine's disk is full"), room.told("cannot store it"):
        _fetch(number)


@pytest.mark.parametrize("error", [OSError(errno.EACCES, "not yours"), BlobError("not there"), ValueError()])
def test_all_else_stays_what_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, room.told("cannot store it"):
        raise error
    assert caught.value is error
