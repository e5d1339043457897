"""A real PostgreSQL for the time of a test, as Debian ships it."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from listening import free_port
from ordinary import NOBODY
from tegula import programs

READY_SECONDS = 60.0
DEBIAN = Path("/usr/lib/postgresql")


class PostgreSQL:
    """A server on loopback, with a database of its own for whoever asks.

    Args:
        running: ends the server with the test.
        command: that serves.
    """

    def __init__(self, running: ExitStack, command: list[str], folder: Path, port: int) -> None:
        self._running, self._command, self._folder, self._port = running, command, folder, port
        self._made = 0
        self.start()

    def start(self) -> None:
        """For the first time, or after a crash, with what it had."""
        self._server = self._running.enter_context(
            programs.running("PostgreSQL", self._command, self._folder)
        )
        self._running.callback(self.end)
        self._server.wait_for(lambda line: "ready to accept connections" in line, READY_SECONDS)

    def crash(self) -> None:
        """An immediate shutdown: no transaction is finished, and the next start has to recover."""
        self._server.process.send_signal(signal.SIGQUIT)
        self._server.process.wait()

    def end(self) -> None:
        """A fast shutdown; SIGTERM would wait for who is connected."""
        self._server.process.send_signal(signal.SIGINT)

    def fresh(self) -> str:
        """The URL of an empty database, as an operator would write it."""
        self._made += 1
        self.run(f"CREATE DATABASE book{self._made}")
        return f"postgresql://operator@127.0.0.1:{self._port}/book{self._made}"

    def run(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        where = f"host=127.0.0.1 port={self._port} user=operator dbname={database}"
        with psycopg.connect(where, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def cut(self, url: str) -> int:
        """Ends the session that leads in a database, as an administrator can; how many there were."""
        name = url.rpartition("/")[2]
        leading = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
        ended = self.run(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            f" WHERE datname = '{name}' AND pid IN ({leading})"
        )
        return len(ended)


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """As an ordinary user, since it refuses root. It ends with the test, even if that is killed."""
    found = _binaries()
    with TemporaryDirectory(prefix="tegula-postgresql-") as name:  # pytest's own folders are closed to others
        folder, user = Path(name), []
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
            user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        data, port = folder / "data", free_port()
        initdb = [found / "initdb", "-D", data, "-U", "operator", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run([*user, *map(str, initdb)], check=True, capture_output=True, cwd=folder)
        serve = [found / "postgres", "-D", data, "-k", folder, "-p", port, "-c", "fsync=off"]
        dying = [*user, "--pdeathsig=KILL"] if user else []
        with ExitStack() as running:
            yield PostgreSQL(running, [*dying, *map(str, serve)], folder, port)


def _binaries() -> Path:
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    packaged = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not packaged:
        pytest.skip("NOT TESTED with PostgreSQL: it is missing; apt-get install postgresql")
    return packaged[-1].parent
