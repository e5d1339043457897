import io
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tegula_market.adapters import bundles
from tegula_market.adapters.bundles import MANIFEST, STATEMENT, UnreadableBundle
from tegula_market.evidence import Evidence
from trials import Court

Change = Callable[[dict[str, bytes]], object]


@pytest.fixture
def court(tmp_path: Path) -> Court:
    (tmp_path / "court").mkdir()
    return Court(tmp_path / "court")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "unpacked").mkdir()
    return tmp_path / "unpacked"


def bundled(court: Court, stated: Evidence) -> Path:
    path = court.folder / "bundle.zip"
    bundles.write(path, stated, court.path)
    return path


def entries_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as bundle:
        return {name: bundle.read(name) for name in bundle.namelist()}


def zipped(entries: Iterable[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as bundle:
        for name, data in entries:
            bundle.writestr(name, data)
    return buffer.getvalue()


def an_image(entries: dict[str, bytes]) -> str:
    return next(name for name in entries if name.endswith(".exr"))


@pytest.mark.parametrize("whole", [False, True])
def test_what_is_written_is_read(court: Court, folder: Path, whole: bool) -> None:
    stated = court.evidence(court.trial(whole=whole))
    path = bundled(court, stated)
    first = path.read_bytes()
    read, find = bundles.read(path, folder)
    assert read == stated
    for name in (stated.trial.result.image, *stated.trial.images, stated.trial.order.scene.manifest):
        assert find(name).read_bytes() == court.path(name).read_bytes()
    assert bundled(court, stated).read_bytes() == first, "equal evidence makes equal bytes"


BROKEN: list[tuple[Change, str]] = [
    (lambda entries: entries.pop(STATEMENT), "is this a bundle of evidence"),
    (lambda entries: entries.pop(MANIFEST), "lacks what its evidence speaks of: 'manifest.json'"),
    (lambda entries: entries.pop(an_image(entries)), "lacks what its evidence speaks of"),
    (lambda entries: entries.update({"../../evil": b"x"}), "does not speak of: '../../evil'"),
    (lambda entries: entries.update({"/etc/passwd": b"x"}), "does not speak of: '/etc/passwd'"),
    (lambda entries: entries.update({an_image(entries): b"other"}), "is not what it is said to be"),
    (lambda entries: entries.update({MANIFEST: b"{}"}), "is not what it is said to be"),
    (lambda entries: entries.update({STATEMENT: b"{}"}), "cannot be read as evidence"),
    (lambda entries: entries.update({STATEMENT: b"[" * 10**5}), "cannot be read as evidence"),
    (lambda entries: entries.update({STATEMENT: bytes(2 << 20)}), "is over"),
    (lambda entries: entries.update({str(n): b"" for n in range(1100)}), "no bundle needs so many"),
    (lambda entries: entries.update({"x" * 60_000 + str(n): b"" for n in range(5)}), "no bundle needs so"),
]


@pytest.mark.parametrize(("change", "sentence"), BROKEN)
def test_what_is_no_bundle_is_refused(court: Court, folder: Path, change: Change, sentence: str) -> None:
    path = bundled(court, court.evidence(court.trial()))
    entries = entries_of(path)
    change(entries)
    path.write_bytes(zipped(entries.items()))
    with pytest.raises(UnreadableBundle, match=sentence):
        bundles.read(path, folder)
    assert {entry.parent for entry in folder.rglob("*")} <= {folder}


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"not a zip" * 100])
def test_rubbish_is_refused(tmp_path: Path, folder: Path, data: bytes) -> None:
    (tmp_path / "bundle.zip").write_bytes(data)
    with pytest.raises(UnreadableBundle, match=r"bundle\.zip"):
        bundles.read(tmp_path / "bundle.zip", folder)


def test_one_that_is_not_there_is_a_sentence(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(UnreadableBundle, match="No such file"):
        bundles.read(tmp_path / "bundle.zip", folder)


def test_every_way_to_cut_one_short_is_noticed(court: Court, folder: Path) -> None:
    path = bundled(court, court.evidence(court.trial()))
    data = path.read_bytes()
    for length in (*range(0, len(data), len(data) // 50), len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(UnreadableBundle):
            bundles.read(path, folder)


def test_a_bomb_is_not_lit(court: Court, folder: Path) -> None:
    """A few kilobytes that would unpack to megabytes."""
    path = bundled(court, court.evidence(court.trial()))
    bomb = {
        name: bytes(8 << 20) if name.endswith(".exr") else data for name, data in entries_of(path).items()
    }
    path.write_bytes(zipped(bomb.items(), zipfile.ZIP_DEFLATED))
    with pytest.raises(UnreadableBundle, match="not plainly stored"):
        bundles.read(path, folder)
    assert not list(folder.iterdir())


def test_many_entries_do_not_share_their_bytes(court: Court, folder: Path) -> None:
    """Directory entries that all point to one place: each is stored plainly, together they are a bomb."""
    path = bundled(court, court.evidence(court.trial()))
    with zipfile.ZipFile(path, "a") as bundle:
        bundle.comment = b""  # so that the directory is written anew
        bundle.filelist.extend([max(bundle.filelist, key=lambda entry: entry.file_size)] * 200)
    with pytest.raises(UnreadableBundle, match="not plainly stored"):
        bundles.read(path, folder)


def test_a_file_that_is_there_twice_is_refused(court: Court, folder: Path) -> None:
    path = bundled(court, court.evidence(court.trial()))
    entries = [*entries_of(path).items()]
    with pytest.warns(UserWarning, match="Duplicate name"):
        path.write_bytes(zipped([*entries, entries[-1]]))
    with pytest.raises(UnreadableBundle, match="holds a file twice"):
        bundles.read(path, folder)


def test_an_encrypted_one_is_refused(court: Court, folder: Path) -> None:
    path = bundled(court, court.evidence(court.trial()))
    data = bytearray(path.read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[directory + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(UnreadableBundle, match="not plainly stored"):
        bundles.read(path, folder)


def test_a_bundle_says_all_that_a_verdict_stands_on(court: Court) -> None:
    """As text, for whoever has no program of ours."""
    with zipfile.ZipFile(bundled(court, court.evidence(court.trial()))) as bundle:
        said = bundle.read(STATEMENT).decode()
    for word in ("seed", "spp", "blender", "manifest", "salt", "rects", "device", "verifier", "threshold"):
        assert f'"{word}"' in said
