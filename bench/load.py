"""A coordinator under the load of a large market: tiles a second, how long workers wait, memory, what grows.

The coordinator is the real program with its SQLite log, CURVE, signatures and image comparison. Its workers
are simulated, in processes of their own, and render nothing. What is left out is the upload of images, since
all tiles have the same one, and the network: everything is on one machine, which the load shares.

Jobs come in waves, and each wave is paid and closed before the next begins, so that the last one finds the
most finished jobs. Waves are as fast as the coordinator; in the last one workers take their time, so that
there is a share of the load of before, and how long they wait for the next tile means something. Each
wait has a flush of the log to disk in it, so how long a bare flush takes meanwhile is told beside it.
"""

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import psutil
import typer

import throughput
from tegula import local, programs
from tegula_blender.client import Client
from tegula_market import auction, codec, vouchers
from tegula_market.adapters import chain, devchain, signing, wire
from tegula_market.adapters.chain import Escrow
from tegula_market.adapters.children import dies_with_parent
from tegula_market.adapters.signing import Key
from tegula_market.digests import digest
from tegula_market.model import Address, JobId, Order, Voucher, Wei

PROVIDERS = 20
"""Who own the workers, with one payout address each."""
AT_ONCE = 10
"""Jobs of a wave."""
COLUMNS = 10
"""Of tiles in a frame."""
PACED = 0.8
"""Share of the full load at which waiting is measured."""
POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Wave:
    tiles: int
    seconds: float
    """From the first lease to the last verdict."""
    cpu: float
    """Seconds of the coordinator's, from the opening of the jobs to their end."""
    crowd: float
    """Seconds of all simulated workers'."""
    took: float
    """Seconds all in all."""
    asks: int
    probes: int
    median: float
    """Seconds from RESULT to next LEASE."""
    p99: float
    memory: int
    """Bytes of the coordinator's and of its jurors', afterwards."""

    @property
    def rate(self) -> float:
        return self.tiles / self.seconds


@dataclass(frozen=True, slots=True)
class Found:
    waves: tuple[Wave, ...]
    paced: Wave
    flushes: tuple[float, float]
    """Seconds of a bare flush to the same disk during that one: the median, and the 99th percentile."""
    echo: float
    """Round trips a second."""

    @property
    def rate(self) -> float:
        return sum(wave.tiles for wave in self.waves) / sum(wave.seconds for wave in self.waves)

    @property
    def cpu(self) -> float:
        """Seconds of a processor that the coordinator takes for a tile: true on a busy machine as well."""
        return sum(wave.cpu for wave in self.waves) / sum(wave.tiles for wave in self.waves)

    @property
    def growth(self) -> float:
        """Of the coordinator's time for a tile, from the second wave to the last: the first has newcomers."""
        first, last = self.waves[min(1, len(self.waves) - 1)], self.waves[-1]
        return (last.cpu / last.tiles) / (first.cpu / first.tiles)


class Process:
    """Some of the workers."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("crowd.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=programs.environment(),
            preexec_fn=dies_with_parent,  # noqa: PLW1509 calls prctl only, which takes no lock
        )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        self._unread = b""
        self.welcome = self.accepted = 0
        self.reports: list[dict[str, Any]] = []
        self.say(given)

    def say(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()

    def look(self) -> None:
        """Raises: RuntimeError: it has ended."""
        assert self._process.stdout is not None
        if self._process.poll() is not None:
            raise RuntimeError("simulated workers have ended; what they said is above")
        *lines, self._unread = (self._unread + (self._process.stdout.read() or b"")).split(b"\n")
        for said in map(json.loads, lines):
            self.accepted = said["accepted"]
            if "report" in said:
                self.reports.append(said)
            else:
                self.welcome = said["welcome"]

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


class Market:
    def __init__(
        self, net: devchain.DevChain, client: Client, escrow: Escrow, crowd: list[Process], pid: int
    ) -> None:
        self._net, self._client, self._escrow, self._crowd = net, client, escrow, crowd
        self._coordinator = psutil.Process(pid)
        self._accepted = 0
        self._crowd_cpu = 0.0

    def fund(self, jobs: int, tiles: int) -> list[tuple[Order, Key]]:
        """So many jobs, their deposits on chain. Slow: each takes a block."""
        made = []
        for _ in range(jobs):
            order, session = throughput.order(self._net, self._client, tiles, COLUMNS)
            budget = auction.most([throughput.EDGE**2] * tiles, order.ceiling)
            self._escrow.open(order.terms, budget, self._net.key(1))
            made.append((order, session))
        return made

    def wave(self, funded: Sequence[tuple[Order, Key]], tiles: int, seconds: float = 0.0) -> Wave:
        """
        Args:
            seconds: that a worker takes for a tile.
        """
        self._tell_all({"seconds": seconds})
        began, cpu = time.monotonic(), self._cpu()
        sessions = {}
        for order, session in funded:
            job = chain.job_id(order.terms)
            payload = vouchers.order_payload(self._escrow.domain, job, digest(codec.dumps(order)))
            self._client.open_job(order, signing.sign(payload, session))
            sessions[job] = session
        self._accepted += tiles * len(funded)
        self._wait(lambda: sum(process.accepted for process in self._crowd) >= self._accepted)
        reports = self._reports()
        for job, session in sessions.items():
            self._settle(job, session, reports)
        crowd, self._crowd_cpu = self._crowd_cpu, sum(report["cpu"] for report in reports)
        first = min(report["first_lease"] for report in reports if report["first_lease"] is not None)
        return Wave(
            tiles * len(funded),
            max(report["last_verdict"] for report in reports) - first,
            self._cpu() - cpu,
            self._crowd_cpu - crowd,
            time.monotonic() - began,
            sum(report["asks"] for report in reports),
            sum(report["probes"] for report in reports),
            *_median_and_p99([wait for report in reports for wait in report["waits"]]),
            sum(each.memory_info().rss for each in self._programs()),
        )

    def welcome(self, workers: int) -> None:
        self._wait(lambda: sum(process.welcome for process in self._crowd) == workers)
        self._crowd_cpu = sum(report["cpu"] for report in self._reports())

    def _settle(self, job: JobId, session: Key, reports: list[dict[str, Any]]) -> None:
        owed: dict[Address, int] = {}
        for report in reports:
            for payee, total in report["earned"].get(codec.encode(job), {}).items():
                worker = codec.decode(Address, payee)
                owed[worker] = max(owed.get(worker, 0), total)
        for worker, total in owed.items():
            voucher = Voucher(job, worker, Wei(total))
            signature = signing.sign(vouchers.voucher_payload(self._escrow.domain, voucher), session)
            self._client.sign_voucher(job, worker, voucher.cumulative, signature)
        payload = vouchers.close_payload(self._escrow.domain, job, Wei(sum(owed.values())))
        self._client.close(job, Wei(sum(owed.values())), signing.sign(payload, session))

    def _cpu(self) -> float:
        times = [each.cpu_times() for each in self._programs()]
        return float(sum(each.user + each.system for each in times))

    def _programs(self) -> list[psutil.Process]:
        """The coordinator and those that judge for it."""
        return [self._coordinator, *self._coordinator.children(recursive=True)]

    def _tell_all(self, order: dict[str, Any]) -> None:
        for process in self._crowd:
            process.say(order)

    def _reports(self) -> list[dict[str, Any]]:
        self._tell_all({"report": True})
        self._wait(lambda: all(process.reports for process in self._crowd))
        return [process.reports.pop() for process in self._crowd]

    def _wait(self, done: Any) -> None:
        while not done():
            time.sleep(POLL_SECONDS)
            for process in self._crowd:
                process.look()


@contextmanager
def flushes(folder: Path) -> Iterator[list[float]]:
    """Until its end, seconds of each flush of a page of a file in the folder."""
    took: list[float] = []
    end = threading.Event()

    def flush() -> None:
        with (folder / "flushed").open("wb", buffering=0) as file:
            while not (took and end.wait(POLL_SECONDS)):
                file.write(bytes(4096))
                began = time.monotonic()
                os.fdatasync(file)
                took.append(time.monotonic() - began)

    flushing = threading.Thread(target=flush)
    flushing.start()
    try:
        yield took
    finally:
        end.set()
        flushing.join()


@contextmanager
def market(folder: Path, workers: int, processes: int) -> Iterator[Market]:
    with ExitStack() as stack:
        net = stack.enter_context(devchain.devchain())
        net.mint(net.key(1).address, Wei(10**12))
        verifier = wire.CurveKeys.generate()
        before = {child.pid for child in psutil.Process().children()}
        url, token = local.coordinator(stack, folder / "coordinator", net, codec.encode(verifier.public))
        (coordinator,) = (c.pid for c in psutil.Process().children() if c.pid not in before)
        client = Client(url, token)
        stack.callback(client.disconnect)
        about, image = client.about(), throughput.image(folder)
        client.blobs.upload_bytes(image)
        payouts = [bytes(signing.Key.generate().account.key).hex() for _ in range(PROVIDERS)]
        crowd = []
        for index in range(processes):
            given = {
                "endpoint": about.router,
                "curve_key": codec.encode(about.curve_key),
                "chain_id": about.chain_id,
                "escrow": codec.encode(about.escrow),
                "image": codec.encode(digest(image)),
                "payouts": payouts,
                "workers": len(range(index, workers, processes)),
                "verifier": "" if index else verifier.secret.hex(),
                "seed": index,
            }
            crowd.append(Process(given))
            stack.callback(crowd[-1].end)
        escrow = Escrow.connect(net.rpc, net.escrow)
        made = Market(net, client, escrow, crowd, coordinator)
        made.welcome(workers + 1)
        yield made


def measure(folder: Path, tiles: int, jobs: int, workers: int, processes: int, paced: float = PACED) -> Found:
    """
    Args:
        tiles: all in all, a multiple of `COLUMNS` for each job.
        jobs: a multiple of `AT_ONCE`.
        paced: as PACED.
    """
    print(f"\n{tiles} tiles in {jobs} jobs, {workers} simulated workers in {processes} processes")
    each = tiles // jobs // COLUMNS * COLUMNS
    with market(folder, workers, processes) as here:
        waves = []
        funded = here.fund(jobs + AT_ONCE, each)
        for index in range(0, jobs, AT_ONCE):
            waves.append(here.wave(funded[index : index + AT_ONCE], each))
            print(f"  wave {len(waves)}: {_said(waves[-1])}", file=sys.stderr, flush=True)
        rate = sum(wave.tiles for wave in waves) / sum(wave.seconds for wave in waves)
        with flushes(folder) as took:
            unhurried = here.wave(funded[jobs:], each, workers / (paced * rate))
        print(f"  paced: {_said(unhurried)}", file=sys.stderr, flush=True)
    return Found(tuple(waves), unhurried, _median_and_p99(took), throughput.echo(10 * workers, workers))


def _median_and_p99(values: Sequence[float]) -> tuple[float, float]:
    return statistics.median(values), sorted(values)[len(values) * 99 // 100]


def _said(wave: Wave) -> str:
    return (
        f"{wave.rate:.0f} tiles/s, coordinator {1e3 * wave.cpu / wave.tiles:.2f} ms a tile,"
        f" workers {1e3 * wave.crowd / wave.tiles:.2f} ms, {wave.asks} asks, {wave.probes} probes,"
        f" wait {1e3 * wave.median:.0f} ms, p99 {1e3 * wave.p99:.0f} ms, {wave.memory >> 20} MB,"
        f" {wave.took:.0f} s in all"
    )


def show(found: Found) -> None:
    waves = found.waves
    tiles, took = sum(wave.tiles for wave in waves), sum(wave.took for wave in waves)
    crowd = sum(wave.crowd for wave in waves)
    print(f"  {found.rate:.0f} tiles a second; bare CURVE echo {found.echo:.0f} round trips a second")
    print(f"  echo / coordinator = {found.echo / found.rate:.1f}")
    print(f"  coordinator {1e3 * found.cpu:.2f} ms of a processor for a tile, all in all")
    print(f"  simulated workers {1e3 * crowd / tiles:.2f} ms, {crowd / took:.0%} of one processor")
    print(f"  the same in the last wave / in the second = {found.growth:.2f}")
    print(f"  {sum(wave.probes for wave in waves) / tiles:.2f} probes a tile")
    print(f"  workers in no hurry, {found.paced.rate:.0f} tiles a second: RESULT to next LEASE takes")
    print(f"  {1e3 * found.paced.median:.1f} ms, at the 99th percentile {1e3 * found.paced.p99:.1f} ms")
    median, p99 = found.flushes
    print(f"  a bare flush to the same disk meanwhile {1e3 * median:.1f} ms, and {1e3 * p99:.1f} ms")
    print(f"  memory {max(wave.memory for wave in (*waves, found.paced)) >> 20} MB")


def main(
    tiles: int = 10_000,
    jobs: int = 20,
    workers: int = 1000,
    processes: int = 2,
    paced: Annotated[float, typer.Option(help="share of the full load at which waiting is measured")] = PACED,
    out: Annotated[Path | None, typer.Option(help="write what was found here, as JSON")] = None,
) -> None:
    with TemporaryDirectory() as folder:
        found = measure(Path(folder), tiles, jobs, workers, processes, paced)
    show(found)
    if out is not None:
        out.write_text(json.dumps(asdict(found), indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
