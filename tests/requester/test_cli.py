"""Bad inputs: one sentence that says what to do, exit code 2, nothing paid, nothing left."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chains import running
from escrow_scene import DEPOSIT, Scene, voucher
from fake_coordinator import TOKEN, FakeCoordinator, Serving
from requester_samples import JOB, order
from tegula.cli import app
from tegula.record import RECORD
from tegula_market import codec
from tegula_market.adapters import signing
from tegula_market.adapters.chain import Escrow
from tegula_market.adapters.signing import Key
from tegula_market.model import Signature

RUNNER = CliRunner()
DOLLAR = "0x" + "0d" * 20


@dataclass
class Desk:
    """A requester's files, and options that are all right."""

    folder: Path
    options: dict[str, str]

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def render(self, **changes: str) -> str:
        """The complaint."""
        options = {**self.options, **{name.replace("_", "-"): value for name, value in changes.items()}}
        scene = options.pop("scene")
        listed = [part for name, value in options.items() for part in (f"--{name}", value)]
        return complaint("render", scene, *listed)


def complaint(*arguments: str) -> str:
    result = RUNNER.invoke(app, arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.output
    return " ".join(result.stderr.replace("│", " ").split())


@pytest.fixture
def fake() -> FakeCoordinator:
    return FakeCoordinator(lambda _: JOB, lambda _job, _owed: Signature(bytes(65)))


@pytest.fixture
def desk(tmp_path: Path, fake: FakeCoordinator) -> Iterator[Desk]:
    (tmp_path / "token").write_text(TOKEN + "\n")
    signing.create_key(tmp_path / "key")
    (tmp_path / "scene.blend").write_bytes(b"BLENDER-v405")
    with Serving(fake) as serving:
        options = {
            "scene": str(tmp_path / "scene.blend"),
            "coordinator": serving.url,
            "token-file": str(tmp_path / "token"),
            "rpc": "http://127.0.0.1:1",
            "key-file": str(tmp_path / "key"),
            "token-address": DOLLAR,
            "ceiling": "100",
            "out": str(tmp_path / "out"),
        }
        yield Desk(tmp_path, options)


def test_nobody_answers(desk: Desk) -> None:
    said = desk.render(coordinator="http://127.0.0.1:1")
    assert said == (
        "tegula: no coordinator answers at http://127.0.0.1:1; is it running, and is the address right?"
    )
    assert not desk.out.exists()


def test_a_wrong_token(desk: Desk) -> None:
    (desk.folder / "token").write_text("wrong")
    assert "want a requester's bearer token; ask the operator" in desk.render()


def test_no_chain(desk: Desk) -> None:
    assert "the chain does not answer" in desk.render()


def test_another_coordinators_protocol(desk: Desk, fake: FakeCoordinator) -> None:
    fake.about["protocol"] = "tm9"
    assert "use versions that fit" in desk.render()


def test_another_escrow_than_the_pinned_one(desk: Desk) -> None:
    assert "nothing was paid" in desk.render(escrow=DOLLAR)


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("frames", "one", "write them like 7, 1-3 or 1-3,7"),
        ("frames", "3-1", "from a first to a last frame"),
        ("token_address", "dollars", "want 0x and 40 hex digits"),
        ("token_address", "0x12", "want 0x and 40 hex digits"),
        ("escrow", "0x", "want 0x and 40 hex digits"),
        ("token_file", "/nonexistent/token", "cannot read the token file"),
        ("key_file", "/nonexistent/key", "cannot read the key file"),
        ("ceiling", "0", "--ceiling"),
        ("ceiling", "-5", "--ceiling"),
        ("ceiling", "1.5", "--ceiling"),
        ("ceiling", "nan", "--ceiling"),
        ("samples", "0", "--samples"),
        ("scale", "0", "--scale"),
        ("tile", "0", "--tile"),
        ("deadline", "1", "--deadline"),
    ],
)
def test_options_that_make_no_sense(desk: Desk, option: str, value: str, sentence: str) -> None:
    assert sentence in desk.render(**{option: value})
    assert not desk.out.exists()


def test_a_key_that_others_can_read(desk: Desk) -> None:
    (desk.folder / "key").chmod(0o644)
    assert "chmod 600" in desk.render()


def test_without_a_token_the_key_signs_in_where_it_may(desk: Desk) -> None:
    del desk.options["token-file"]
    said = desk.render()
    assert "is not let in at" in said
    assert "--wallet wants --token-file" in desk.render(wallet=DOLLAR)


@pytest.mark.parametrize("token", ["", "two\nlines", "ключ"])
def test_a_token_file_without_a_token(desk: Desk, token: str) -> None:
    (desk.folder / "token").write_text(token)
    assert "does not hold a token" in desk.render()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "cannot be read"), (b"", "is not a .blend file"), (b"\x89PNG\r\n\x1a\n", "is not a .blend file")],
)
def test_a_scene_that_is_none(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    scene = tmp_path / "scene.blend"
    if content is not None:
        scene.write_bytes(content)
    assert sentence in complaint("local", str(scene), "--out", str(tmp_path / "out"), "--quiet")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "scene.blend").write_bytes(b"BLENDER-v405")
    (tmp_path / "file").write_text("")
    said = complaint("local", str(tmp_path / "scene.blend"), "--out", str(tmp_path / "file" / "out"), "-q")
    assert "choose another" in said


def test_a_folder_with_an_unfinished_job(tmp_path: Path) -> None:
    (tmp_path / "scene.blend").write_bytes(b"BLENDER-v405")
    (tmp_path / RECORD).write_text("{}")
    said = complaint("local", str(tmp_path / "scene.blend"), "--out", str(tmp_path), "-q")
    assert "tegula refund" in said


@pytest.mark.parametrize("workers", ["0", "19", "-1", "many"])
def test_no_such_number_of_workers(tmp_path: Path, workers: str) -> None:
    (tmp_path / "scene.blend").write_bytes(b"BLENDER-v405")
    said = complaint("local", str(tmp_path / "scene.blend"), "--out", str(tmp_path), "--workers", workers)
    assert "--workers" in said


def test_a_refund_of_nothing(tmp_path: Path) -> None:
    signing.create_key(tmp_path / "key")
    options = ("--rpc", "http://127.0.0.1:1", "--key-file", str(tmp_path / "key"))
    assert "no job is unfinished" in complaint("refund", str(tmp_path), *options)


def test_a_refund_keeps_the_record_while_the_chain_is_away(tmp_path: Path) -> None:
    signing.create_key(tmp_path / "key")
    record = f'{{"escrow": "{DOLLAR}", "order": {codec.dumps(order()).decode()}}}'
    (tmp_path / RECORD).write_text(record)
    options = ("--rpc", "http://127.0.0.1:1", "--key-file", str(tmp_path / "key"))
    assert "the chain does not answer" in complaint("refund", str(tmp_path), *options)
    assert (tmp_path / RECORD).read_text() == record


@pytest.mark.parametrize("text", ["ann:5", f"{DOLLAR}", f"{DOLLAR}:0", f"{DOLLAR}:10.01", f"{DOLLAR}:2.505"])
def test_no_such_author(desk: Desk, text: str) -> None:
    assert "--author cannot be" in desk.render(author=text)


def test_no_royalty_without_a_report(tmp_path: Path) -> None:
    signing.create_key(tmp_path / "key")
    options = ("--rpc", "http://127.0.0.1:1", "--key-file", str(tmp_path / "key"))
    assert "cannot read the report" in complaint("royalty", str(tmp_path / "report.json"), *options)


@pytest.mark.slow
def test_an_author_is_sent_its_part_by_whoever_has_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEGULA_HOME", str(tmp_path / "home"))
    author, ann = Key.generate().address, Key.generate().address
    with running("eth-tester") as local:
        local.mint(local.key(1).address, DEPOSIT)
        escrow = Escrow.connect(local.rpc, local.escrow)
        scene = Scene(local, escrow, local.dollar, local.key(1), local.key(2))
        terms = replace(scene.terms(), author=author, author_bps=1_000)
        escrow.open(terms, DEPOSIT, scene.requester)
        scene.claim(voucher(scene, terms, ann, 1_009), terms)
        told = {"escrow": codec.encode(local.escrow), "terms": codec.encode(terms)}
        (tmp_path / "report.json").write_text(json.dumps(told))
        signing.save_key(tmp_path / "relay", local.key(2))
        command = ["royalty", str(tmp_path / "report.json"), "--rpc", local.rpc]
        said = [
            json.loads(RUNNER.invoke(app, [*command, "--key-file", str(tmp_path / "relay")]).stdout)
            for _ in range(2)
        ]
        assert ([each["amount"] for each in said], said[1]["tx"]) == (["100", "0"], None)
        assert scene.balance(author) == 100
