"""What the market has shown of late: who asked how much, what jobs cleared at, how fast devices are.

Of each worker the last ask and the last RESULTS accepted results, of jobs the last PRICES clearing prices: it
does not grow with what was ever rendered. Seconds of rendering and loading are the workers' own word, good
for a quote and for nothing else.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tegula_coordinator.book.job import Job
from tegula_market.model import MEGASAMPLE, JobId, Lease, Verdict, Wei

RESULTS, PRICES = 64, 32
LEAST_SECONDS = 0.001
"""A result that says it took less says nothing about a device."""


@dataclass(frozen=True, slots=True)
class Priced:
    price: Wei
    """Token units per megasample."""
    at: float


@dataclass(frozen=True, slots=True)
class Work:
    """An accepted result."""

    job: JobId
    device: str
    size: int
    render_seconds: float
    load_seconds: float
    way_seconds: float
    """From lease to result, less loading and rendering: files and the image on their way."""
    probe_seconds: float
    """0 for what was accepted with a batch."""
    turnaround: float
    """Seconds from lease to result, by the coordinator's clock."""

    @property
    def seconds(self) -> float:
        """The same; longer if the worker says so, which makes only itself slower."""
        return self.way_seconds + self.load_seconds + self.render_seconds


@dataclass(slots=True)
class Shown:
    """By one worker."""

    ask: Priced | None = None
    work: deque[Work] = field(default_factory=lambda: deque(maxlen=RESULTS))
    pace: float | None = None
    """Seconds from lease to result for a pixel-sample."""
    slower: float | None = None
    """What nine of ten results did not exceed: of two at a time, one comes later. By the coordinator's clock
    alone, or a worker that says it is slow could be late with impunity."""
    loading: float = 0.0
    """Seconds, each time that a scene was loaded."""

    def note(self, work: Work) -> None:
        self.work.append(work)
        self.pace = sum(each.seconds for each in self.work) / sum(each.size for each in self.work)
        paces = sorted(each.turnaround / each.size for each in self.work)
        self.slower = paces[-1 - len(paces) // 10]
        self.loading = _mean([each.load_seconds for each in self.work if each.load_seconds])

    def seconds(self, size: float, *, warm: bool) -> float | None:
        """From a lease of that size to its result, as it was of late; None if nothing is known of it.

        A cold scene is loaded on top of it. A worker may say of loading what it likes: more of it makes only
        itself slower.
        """
        return None if self.pace is None else size * self.pace + (0.0 if warm else self.loading)

    def most_seconds(self, size: float, *, warm: bool) -> float | None:
        """As `seconds`, but what it exceeds once in ten times."""
        return None if self.slower is None else size * self.slower + (0.0 if warm else self.loading)


@dataclass(frozen=True, slots=True)
class Speed:
    """Of a kind of device, in megasamples a second of rendering."""

    device: str
    results: int
    jobs: int
    mean: float
    slowest: float
    """Of a job, all in all."""
    fastest: float
    load_seconds: float
    """Each time that a scene was loaded, on average."""
    way_seconds: float
    probe_seconds: float
    """Both on average over all results."""


def note_work(shown: Shown, job: Job, lease: Lease, verdict: Verdict) -> None:
    result = job.results[lease.unit]
    if result.render_seconds < LEAST_SECONDS:
        return
    load = max(0.0, result.load_seconds)
    turnaround = job.turnaround[lease.id]
    way = max(0.0, turnaround - result.render_seconds - load)
    probe = verdict.probe_seconds if verdict.probe_pixels else 0.0
    size = job.sizes[lease.unit]
    shown.note(Work(job.id, result.device, size, result.render_seconds, load, way, probe, turnaround))


def note_price(prices: dict[JobId, Priced], job: JobId, priced: Priced) -> None:
    prices.pop(job, None)  # so that the last one noted is the last in the dict
    prices[job] = priced
    if len(prices) > PRICES:
        del prices[next(iter(prices))]


def speeds(remembered: Iterable[Work]) -> Iterator[Speed]:
    """One for each kind of device, by its name."""
    by_device: dict[str, list[Work]] = defaultdict(list)
    for work in remembered:
        by_device[work.device].append(work)
    for device, done in sorted(by_device.items()):
        yield _speed(device, done)


def _speed(device: str, done: list[Work]) -> Speed:
    by_job: dict[JobId, list[Work]] = defaultdict(list)
    for work in done:
        by_job[work.job].append(work)
    of_jobs = [_rate(each) for each in by_job.values()]
    return Speed(
        device,
        len(done),
        len(of_jobs),
        _rate(done),
        min(of_jobs),
        max(of_jobs),
        _mean([work.load_seconds for work in done if work.load_seconds]),
        _mean([work.way_seconds for work in done]),
        _mean([work.probe_seconds for work in done]),
    )


def _rate(done: list[Work]) -> float:
    return sum(work.size for work in done) / MEGASAMPLE / sum(work.render_seconds for work in done)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
