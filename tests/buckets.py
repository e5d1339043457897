"""A real S3-compatible store for the time of a test: nanio, from PyPI, which keeps buckets as folders."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from listening import free_port
from tegula import programs

READY_SECONDS = 60.0
KEY, SECRET = "a-key-of-tests", "a-secret-of-tests"


class S3:
    """
    Args:
        running: ends the server with the test.
        folder: for its options, its credentials and all buckets.
    """

    def __init__(self, running: ExitStack, folder: Path) -> None:
        self._running, self._scratch, port = running, folder, free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        self.credentials, options = folder / "credentials", folder / "options.toml"
        self.folder = folder / "buckets"
        self.folder.mkdir()
        self.credentials.write_text(
            f"[default]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n"
        )
        user = {"access_key": KEY, "secret_key": SECRET}
        options.write_text("[[users]]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in user.items()))
        command = [sys.executable, "-m", "nanio", "serve", "--options", options, "--host", "127.0.0.1"]
        command += ["--port", port, "--data-dir", self.folder]
        self._command = [str(word) for word in command]
        self.start()

    def start(self) -> None:
        """For the first time, or after a kill, with what it had."""
        # nanio makes these without a number in their name and never over one that is there: a key that it was
        # writing when it was killed would be refused for ever.
        for partial in self.folder.rglob("*.tmp"):
            partial.unlink()
        self._server = self._running.enter_context(programs.running("S3 store", self._command, self._scratch))
        self._server.wait_for(lambda line: "startup complete" in line, READY_SECONDS)

    def kill(self) -> None:
        self._server.process.kill()
        self._server.process.wait()

    def fresh(self) -> str:
        """The URL of an empty place in a bucket of its own."""
        name = f"bucket-{len(list(self.folder.iterdir()))}"
        (self.folder / name).mkdir()
        return f"s3://{name}/some/prefix"


@contextmanager
def s3() -> Iterator[S3]:
    """It checks signatures, as Amazon does."""
    with TemporaryDirectory(prefix="tegula-s3-") as name, ExitStack() as running:
        yield S3(running, Path(name))
