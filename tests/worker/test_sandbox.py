"""What a child can do that somebody else has taken over: Python programs in the render child's place."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import listening
import ordinary
from tegula_worker import sandbox
from tegula_worker.child import Cell, Child, ChildDied, ChildOutgrown
from tegula_worker.renderer import Renderer
from tegula_worker.sandbox import Isolation, NoSandbox, Sandbox

SMALL = Sandbox(memory_bytes=600 << 20, processes=60)
PRELUDE = """
import errno, json, mmap, os, resource, signal, socket, subprocess, sys
from pathlib import Path

replies = os.fdopen(int(sys.argv[-1]), "w", buffering=1)
product = int(sys.argv[-3])

def tell(**said):
    print(json.dumps(said), file=replies)
    sys.stdin.read()

def attempt(deed, *arguments):
    '''What comes of it: the name of an error, or "done".'''
    try:
        deed(*arguments)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return "done"

def write(path):
    with open(path, "ab") as file:
        file.write(b"harm")
"""
NOT_THERE = {"ENOENT", "EACCES", "ENOTDIR"}
NOT_WRITTEN = NOT_THERE | {"EROFS", "EPERM", "EISDIR"}

slow = pytest.mark.slow


class Ward:
    """A machine with a scene to render, beside things that a render has no business with."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o755)
        self.folder = folder
        self.scene = folder / "data" / "scenes" / "scene"
        self.scene.mkdir(parents=True)
        (self.scene / "scene.blend").write_text("BLENDER")
        self.key = folder / "data" / "payout.key"
        self.key.write_text("secret")
        self.mark = f"{folder.name}-{time.monotonic_ns()}"
        self.product = folder / "product"

    def inside(self, program: str, walls: Sandbox = SMALL, **names: Any) -> dict[str, Any]:
        """What a program answers from inside, after which nothing of it is left outside."""

        async def run() -> dict[str, Any]:
            script = PRELUDE + "".join(f"{name} = {value!r}\n" for name, value in names.items()) + program
            cell = Cell(walls, (*Renderer()._tools, self.scene), gpu=False)
            child = await Child.start([sys.executable, "-I", "-c", script], {"CYCLES_MARK": self.mark}, cell)
            try:
                async with asyncio.timeout(60):
                    return await child.reply()
            finally:
                child.take(self.product)
                await child.close()

        before = self._files()
        try:
            return asyncio.run(run())
        finally:
            assert listening.left(self.mark) == []
            assert self._files() == before

    def _files(self) -> dict[Path, str]:
        files = (path for path in self.folder.rglob("*") if path.is_file() and path != self.product)
        return {path: path.read_text() for path in files}


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    return Ward(tmp_path)


@pytest.fixture
def neighbour() -> Iterator[subprocess.Popen[bytes]]:
    """A process of the same user, outside."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process
        process.communicate()


@slow
def test_nobody_is_called(ward: Ward) -> None:
    with listening.listener() as tcp, socket.socket(socket.AF_UNIX) as local:
        local.bind(f"\0{ward.mark}")
        local.listen()
        local.setblocking(False)
        said = ward.inside(
            """
local = socket.socket(socket.AF_UNIX)
tell(
    tcp=attempt(lambda: socket.create_connection(("127.0.0.1", port), timeout=5)),
    udp=attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
    raw=attempt(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
    netlink=attempt(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)),
    local=attempt(local.connect, "\\0" + mark),
    cards=os.listdir("/sys/class/net") if os.path.isdir("/sys/class/net") else [],
)""",
            port=tcp.getsockname()[1],
            mark=ward.mark,
        )
        assert not listening.called(tcp)
        assert not listening.called(local)
    assert said == {
        "tcp": "EPERM", "udp": "EPERM", "raw": "EPERM", "netlink": "EPERM", "local": "ECONNREFUSED",
        "cards": [],
    }  # fmt: skip


@slow
def test_nothing_secret_is_seen(ward: Ward) -> None:
    paths = [
        ward.key, ward.scene / ".." / ".." / "payout.key", f"/proc/{os.getpid()}/root{ward.key}",
        f"/proc/1/root{ward.key}", "/etc/shadow", "/etc/passwd", "/etc/hostname", "/etc/ssh",
        "/var/log", "/run", "/home", "/proc/kcore", "/dev/mem", "/dev/vda", "/dev/sda", "/dev/kvm",
        "/sys/kernel", "/sys/fs",
    ]  # fmt: skip
    said = ward.inside(
        """
def look(path):
    os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1)

tell(
    paths={path: attempt(look, path) for path in paths},
    beside=sorted(os.listdir(data)), scenes=os.listdir(data + "/scenes"), home=os.environ["HOME"],
    scene=open(data + "/scenes/scene/scene.blend").read(), uids=os.getresuid(),
    privileges=[line for line in open("/proc/self/status") if line.startswith(("Cap", "NoNew", "Seccomp:"))],
)""",
        paths=[str(path) for path in paths],
        data=str(ward.folder / "data"),
    )
    assert {path: error for path, error in said["paths"].items() if error not in NOT_THERE} == {}
    assert (said["beside"], said["scenes"], said["scene"]) == (["scenes"], ["scene"], "BLENDER")
    assert said["home"] == "/tmp"
    assert 0 not in said["uids"]
    told = dict(line.split() for line in said["privileges"])
    assert {name: value for name, value in told.items() if name != "CapBnd:" and int(value, 16)} == {
        "NoNewPrivs:": "1",
        "Seccomp:": "2",
    }


@slow
def test_nothing_is_written_but_what_is_gone_afterwards(ward: Ward) -> None:
    paths = [
        "/harm", "/usr/harm", "/etc/harm", "/dev/harm", "/proc/sys/kernel/core_pattern",
        "/proc/sysrq-trigger",
        "/proc/sys/kernel/hostname", "/sys/devices/system/cpu/online",
        ward.scene / "harm", ward.scene / "scene.blend",
        Path(sys.prefix) / "harm", Path(sys.executable).resolve(), Renderer()._tools[-1],
    ]  # fmt: skip
    said = ward.inside(
        """
tell(
    paths={path: attempt(write, path) for path in paths}, key=attempt(write, key),
    chmod=attempt(os.chmod, scene, 0o777), rename=attempt(os.rename, scene, scene + "2"),
    link=attempt(os.symlink, key, scene + "/link"), own=attempt(write, "/tmp/mine"),
)""",
        paths=[str(path) for path in paths],
        scene=str(ward.scene),
        key=str(ward.key),
    )
    assert {path: error for path, error in said.pop("paths").items() if error not in NOT_WRITTEN} == {}
    assert said.pop("own") == "done"
    said.pop(
        "key"
    )  # a folder on the way to the scene may lie in the child's own /tmp; the key was not touched
    assert set(said.values()) <= NOT_WRITTEN | {"EBUSY"}
    assert not Path("/tmp/mine").exists()


@slow
def test_no_other_process_is_seen_or_ended(ward: Ward, neighbour: subprocess.Popen[bytes]) -> None:
    said = ward.inside(
        """
beside = [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
tell(
    beside=[attempt(os.open, f"/proc/{pid}/mem", os.O_RDWR) for pid in beside],
    other=attempt(os.kill, other, signal.SIGKILL), worker=attempt(os.kill, worker, 0),
    all=attempt(os.kill, -1, signal.SIGKILL),
)""",
        other=neighbour.pid,
        worker=os.getpid(),
    )
    assert (said["other"], said["worker"]) == ("ESRCH", "ESRCH")
    assert said["beside"] in ([], ["EACCES"])  # bubblewrap's own, which belongs to root, or none
    assert neighbour.poll() is None


@slow
def test_a_fork_bomb_finds_its_limit(ward: Ward) -> None:
    said = ward.inside(
        """
count, stop = 0, ""
while not stop:
    try:
        if os.fork() == 0:
            while True:
                attempt(os.fork)
        count += 1
    except OSError as error:
        stop = errno.errorcode[error.errno]
tell(count=count, stop=stop)"""
    )
    assert said["stop"] == "EAGAIN"
    assert said["count"] < SMALL.processes


@slow
@pytest.mark.parametrize(
    "program",
    [
        "held = bytearray(1 << 30)",
        "held = [bytearray(1 << 20) for _ in range(1 << 10)]",
        "held = mmap.mmap(-1, 1 << 30)\nfor _ in range(1 << 10): held.write(bytes(1 << 20))",
        "for _ in range(9):\n    if os.fork() == 0: held = bytearray(120 << 20); signal.pause()",
    ],
    ids=["at once", "by and by", "shared", "by many"],
)
def test_a_memory_hog_is_ended(ward: Ward, program: str) -> None:
    with pytest.raises(ChildOutgrown, match="more memory than 629,145,600 bytes"):
        ward.inside(program + "\nsignal.pause()")


@slow
def test_of_several_that_hold_too_much_together_the_largest_is_ended(ward: Ward) -> None:
    holding = PRELUDE + "held = bytearray({} << 20)\ntell(held=len(held))\nsignal.pause()"

    async def run() -> None:
        cell = Cell(SMALL, (*Renderer()._tools, ward.scene), gpu=False)

        async def holder(mebibytes: int) -> Child:
            command = [sys.executable, "-I", "-c", holding.format(mebibytes)]
            child = await Child.start(command, {"CYCLES_MARK": ward.mark}, cell)
            await child.reply()
            return child

        children = [await holder(400), await holder(150), await holder(150)]
        try:
            with pytest.raises(ChildOutgrown, match="with others"):
                await children[0].reply()
            assert [child.ended for child in children] == [True, False, False]
        finally:
            for child in children:
                await child.close()
        assert SMALL.held == {}

    asyncio.run(run())
    assert listening.left(ward.mark) == []


@slow
def test_files_have_a_limit(ward: Ward) -> None:
    said = ward.inside(
        """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

def fill(path):
    with open(path, "wb", buffering=0) as file:
        for _ in range(1 << 10):
            file.write(bytes(1 << 20))

def fill_descriptor():
    with os.fdopen(os.dup(product), "wb", buffering=0) as file:
        for _ in range(1 << 10):
            file.write(bytes(1 << 20))

several = [attempt(fill, f"/tmp/{number}") for number in range(3)]
tell(
    tmp=several, shm=attempt(fill, "/dev/shm/a"), product=attempt(fill_descriptor),
    tmp_bytes=sum(os.stat(f"/tmp/{number}").st_size for number in range(3)),
    open=resource.getrlimit(resource.RLIMIT_NOFILE)[1], core=resource.getrlimit(resource.RLIMIT_CORE),
)"""
    )
    assert set(said["tmp"]) <= {"EFBIG", "ENOSPC"}
    assert (said["shm"], said["product"]) == ("ENOSPC", "EFBIG")
    assert said["tmp_bytes"] <= SMALL.file_bytes
    assert said["core"] == [0, 0]
    assert said["open"] <= 4096
    assert ward.product.stat().st_size <= SMALL.file_bytes


@slow
def test_what_it_makes_comes_out(ward: Ward) -> None:
    ward.inside('os.write(product, b"an image"); tell()')
    assert ward.product.read_bytes() == b"an image"


@slow
def test_a_crash_inside_is_told_with_its_signal(ward: Ward) -> None:
    with pytest.raises(ChildDied, match="was ended by signal SIGSEGV"):
        ward.inside("import ctypes; ctypes.string_at(1)")


@slow
@pytest.mark.parametrize("late", [0, 1, 2, 5])
def test_a_start_that_is_cancelled_leaves_nothing(ward: Ward, late: int) -> None:
    """At any moment, the one included when bubblewrap's two halves wait for each other."""

    async def run() -> None:
        cell = Cell(SMALL, Renderer()._tools, gpu=False)
        command = [sys.executable, "-I", "-c", "import signal; signal.pause()"]
        async with asyncio.TaskGroup() as tasks:
            start = tasks.create_task(Child.start(command, {"CYCLES_MARK": ward.mark}, cell))
            while not (start.done() or listening.marked(ward.mark)):  # noqa: ASYNC110 no event tells
                await asyncio.sleep(0)
            for _ in range(late):
                await asyncio.sleep(0)
            start.cancel()
        if not start.cancelled():
            await start.result().close()

    asyncio.run(run())
    assert listening.left(ward.mark) == []


@slow
def test_it_ends_with_a_worker_that_is_killed(ward: Ward) -> None:
    """Even if it does not listen."""
    program = f"""
import asyncio, sys
from pathlib import Path
from tegula_worker.child import Cell, Child
from tegula_worker.renderer import Renderer
from tegula_worker.sandbox import Sandbox

async def main():
    cell = Cell(Sandbox(), Renderer()._tools, gpu=False)
    command = [sys.executable, "-I", "-c", "print('up', flush=True); import signal; signal.pause()"]
    child = await Child.start(command, {{"CYCLES_MARK": {ward.mark!r}}}, cell)
    while "up" not in child._output.last_line:
        await asyncio.sleep(0)
    print("up", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
    environment = os.environ | {"TMPDIR": str(ward.folder)}
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"up\n"
        assert listening.marked(ward.mark)
        worker.send_signal(signal.SIGKILL)
    assert listening.left(ward.mark) == []


@slow
def test_all_of_it_as_an_ordinary_user() -> None:
    ordinary.run_again(Path(__file__))


def test_folders_that_hold_too_much_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o755)
    home = tmp_path / "home" / "me"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    guarded = replace(SMALL, private=tmp_path / "data")
    for folder in (home, home.parent, tmp_path, Path("/")):
        with (
            pytest.raises(NoSandbox, match="is there; move one"),
            guarded.around(["true"], [folder], gpu=False),
        ):
            pass
    below = replace(SMALL, private=Path("/usr/lib/tegula"))
    with pytest.raises(NoSandbox, match="all of /usr"), below.around(["true"], [], gpu=False):
        pass


def test_root_says_what_its_renders_cannot_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    tmp_path.chmod(0o700)
    with pytest.raises(NoSandbox, match="chmod -R o"), SMALL.around(["true"], [tmp_path], gpu=False):
        pass


def test_without_bubblewrap_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "BUBBLEWRAP", "no-such-bubblewrap")
    with pytest.raises(NoSandbox, match="apt-get install bubblewrap"):
        SMALL.check()


@pytest.mark.parametrize(
    ("value", "sentence"), [("1", r"sysctl .*restrict_unprivileged_userns=0"), ("0", "in a container")]
)
def test_a_system_that_keeps_its_users_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, sentence: str
) -> None:
    setting = tmp_path / "restrict_unprivileged_userns"
    setting.write_text(value + "\n")
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(sandbox, "BUBBLEWRAP", str(program))
    monkeypatch.setattr(sandbox, "FORBIDDING", {str(setting): ("1", "0")})
    with pytest.raises(NoSandbox, match=sentence) as caught:
        SMALL.check()
    assert "setting up uid map" in str(caught.value)
    assert 'sandbox = "none, this machine may be harmed"' in str(caught.value)


def test_it_is_tried_with_the_libraries_that_renders_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bwrap"
    program.write_text('#!/bin/sh\n[ "$LD_LIBRARY_PATH $SECRET" = "/kit/libraries " ]\n')
    program.chmod(0o755)
    monkeypatch.setattr(sandbox, "BUBBLEWRAP", str(program))
    monkeypatch.setenv("SECRET", "of this program")
    with pytest.raises(NoSandbox):
        SMALL.check()
    monkeypatch.setenv("LD_LIBRARY_PATH", "/kit/libraries")
    SMALL.check()


def test_what_is_chosen_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "BUBBLEWRAP", "no-such-bubblewrap")
    with pytest.raises(NoSandbox):
        sandbox.chosen(Isolation.BUBBLEWRAP, SMALL)
    assert sandbox.chosen(Isolation.PREFERRED, SMALL) is None
    assert sandbox.chosen(Isolation.NONE, SMALL) is None


def test_what_is_chosen_where_there_is_one() -> None:
    assert sandbox.chosen(Isolation.BUBBLEWRAP, SMALL) is SMALL
    assert sandbox.chosen(Isolation.PREFERRED, SMALL) is SMALL
    assert sandbox.chosen(Isolation.NONE, SMALL) is None


def test_a_render_may_have_most_of_the_memory() -> None:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    share = Sandbox()
    assert share.memory_bytes <= total // 4 * 3
    assert share.memory_bytes + share.file_bytes <= total
