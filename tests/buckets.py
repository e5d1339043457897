"""A real S3-compatible store for the time of a test: nanio, from PyPI, which keeps buckets as folders."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from listening import free_port
from tegula import programs

READY_SECONDS = 60.0
KEY, SECRET = "a-key-of-tests", "a-secret-of-tests"


@dataclass(frozen=True, slots=True)
class S3:
    endpoint: str
    credentials: Path
    folder: Path
    """Of all buckets."""

    def fresh(self) -> str:
        """The URL of an empty place in a bucket of its own."""
        name = f"bucket-{len(list(self.folder.iterdir()))}"
        (self.folder / name).mkdir()
        return f"s3://{name}/some/prefix"


@contextmanager
def s3() -> Iterator[S3]:
    """It checks signatures, as Amazon does."""
    with TemporaryDirectory(prefix="tegula-s3-") as name:
        folder, port = Path(name), free_port()
        (folder / "buckets").mkdir()
        credentials, options = folder / "credentials", folder / "options.toml"
        credentials.write_text(f"[default]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n")
        user = {"access_key": KEY, "secret_key": SECRET}
        options.write_text("[[users]]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in user.items()))
        command = [sys.executable, "-m", "nanio", "serve", "--options", options, "--host", "127.0.0.1"]
        command += ["--port", port, "--data-dir", folder / "buckets"]
        with programs.running("S3 store", [str(word) for word in command], folder) as server:
            server.wait_for(lambda line: "startup complete" in line, READY_SECONDS)
            yield S3(f"http://127.0.0.1:{port}", credentials, folder / "buckets")
