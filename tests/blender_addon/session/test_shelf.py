from dataclasses import replace
from pathlib import Path

from orders import an_order
from tegula_blender.session.shelf import RECORD, Record, Shelf
from tegula_market.adapters import chain
from tegula_market.model import Address


def record(number: int = 1) -> Record:
    order = an_order()
    order = replace(order, terms=replace(order.terms, salt=bytes([number]) * 32))
    return Record(
        f"roof {number}", "http://localhost:1", 1337, Address(bytes(20)), order, "scene.blend", ("A",), number
    )


def test_what_is_kept_is_found_by_another_start(tmp_path: Path) -> None:
    for number in (1, 3, 2):
        Shelf(tmp_path).keep(record(number))
    assert Shelf(tmp_path).records() == [record(3), record(2), record(1)]
    assert Shelf(tmp_path).find(record(2).job) == record(2)
    assert record(2).job == chain.job_id(record(2).order.terms)
    assert Shelf(tmp_path).find(record(4).job) is None


def test_a_folder_that_is_not_there_has_no_jobs(tmp_path: Path) -> None:
    assert Shelf(tmp_path / "none").records() == []


def test_a_settled_job_is_remembered_as_such(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.keep(record())
    shelf.settle(record().job)
    shelf.settle(record(9).job)
    assert [each.settled for each in shelf.records()] == [True]
    assert list((tmp_path / "jobs" / record().job.hex()).iterdir()) == [
        tmp_path / "jobs" / record().job.hex() / RECORD
    ]


def test_a_damaged_record_is_passed_over_and_stays(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.keep(record(1))
    broken = tmp_path / "jobs" / "ab" / RECORD
    broken.parent.mkdir()
    broken.write_text('{"name": 1')
    assert shelf.records() == [record(1)]
    assert broken.is_file()


def test_old_settled_jobs_make_room_and_open_ones_never(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for number in (1, 2, 3, 4):
        shelf.keep(record(number))
        (shelf.folder(record(number).job) / "frame_0001.exr").write_bytes(bytes(10_000))
        if number != 1:
            shelf.settle(record(number).job)
    assert shelf.trim(40_000) == {record(2).job}
    assert [each.name for each in shelf.records()] == ["roof 4", "roof 3", "roof 1"]
    assert shelf.trim(1, spared=[record(3).job, record(4).job]) == set()
    shelf.trim(1)
    assert [each.name for each in shelf.records()] == ["roof 1"]


def test_scenes_are_kept_for_as_long_as_an_open_job_needs_them(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.sweep()
    needed, settled, dropped = (shelf.scratch() for _ in range(3))
    shelf.keep(replace(record(1), blend=str(needed / "here.blend")))
    shelf.keep(replace(record(2), blend=str(settled / "here.blend"), settled=True))
    shelf.sweep()
    assert needed.is_dir()
    assert not settled.exists()
    assert not dropped.exists()
