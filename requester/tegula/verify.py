"""Whether a verdict holds: replayed from its bundle, and with pixels rendered on this computer if asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tegula import programs
from tegula_market import codec
from tegula_market.adapters import bundles, evidence, trials
from tegula_market.adapters.bundles import Find
from tegula_market.adapters.evidence import Replayed
from tegula_market.adapters.verify import Judgement
from tegula_market.evidence import Evidence, Trial
from tegula_market.model import Digest, Outcome, lease_parts


@dataclass(frozen=True, slots=True)
class Here:
    """What the same rects, rendered by this computer, say of the worker's tile."""

    device: str
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Account:
    stated: Evidence
    replayed: Replayed
    here: Here | None = None
    """None: nothing was rendered again."""

    @property
    def holds(self) -> bool:
        """Statistics of another device differ; what they amount to does not."""
        said = self.stated.verdict.outcome
        return not self.replayed.objections and (self.here is None or self.here.judgement.outcome is said)


def look(bundle: Path, scratch: Path, scene: Sequence[str] = ()) -> Account:
    """
    Args:
        scratch: an empty folder.
        scene: where `tegula-worker probe` finds the scene, as its options; empty to render nothing.
    Raises:
        UnreadableBundle, InvalidValue: it makes no sense.
        ProgramFailed: it could not be rendered here.
    """
    unpacked, rendered = scratch / "bundle", scratch / "rendered"
    for each in (unpacked, rendered):
        each.mkdir()
    stated, find = bundles.read(bundle, unpacked)
    replayed = evidence.replay(stated, find)
    if not scene:
        return Account(stated, replayed)
    command = (programs.find("tegula-worker"), "probe", str(bundle), "--out", str(rendered), *scene)
    trial = codec.loads(Trial, programs.output_of(command).encode())
    judgement = trials.judge(trial, _first_in(rendered, find))
    return Account(stated, replayed, Here(trial.verifier, judgement))


def lines(account: Account) -> dict[str, str]:
    """What a person wants to know, by headings."""
    stated, found = account.stated, account.replayed.judgement
    trial, verdict = stated.trial, stated.verdict
    _, unit, attempt = lease_parts(trial.result.lease)
    scene = trial.order.scene
    told = {
        "lease": trial.result.lease,
        "ordered": f"tile {unit} in {scene.spp} samples, seed {scene.seed}, by Blender {scene.blender}; scene"
        f" {codec.encode(scene.manifest)}",
        "delivered": f"by {codec.encode(stated.worker)} at attempt {attempt}, from {trial.result.device}, in"
        f" {trial.result.render_seconds:.3g} s",
        "looked at": _looked_at(stated),
        "verdict": f"{verdict.outcome}: {verdict.reason}",
        "statistic": _statistic(verdict.statistic, verdict.threshold),
        "replayed": f"{found.outcome}: {found.reason}; {_statistic(found.statistic, found.threshold)}",
    }
    if account.here is not None:
        said = account.here.judgement
        told["rendered here"] = (
            f"{said.outcome} on {account.here.device}: {said.reason};"
            f" {_statistic(said.statistic, said.threshold)}"
        )
    return told | {"answer": _answer(account)}


def _looked_at(stated: Evidence) -> str:
    pixels = sum(rect.area for rect in stated.rects)
    what = "all of it, twice" if stated.trial.whole else f"{len(stated.rects)} probes"
    return f"{what}, {pixels} pixels, by {stated.trial.verifier} in {stated.verdict.probe_seconds:.3g} s"


def _statistic(value: float, threshold: float) -> str:
    return f"surprise {value:.3g}, threshold {threshold:g}"


def _answer(account: Account) -> str:
    if account.replayed.objections:
        return "the evidence does not hold: " + "; ".join(account.replayed.objections)
    same = (
        "the same answer: the worker signed this image, the salt opens the lease's commitment, both place the"
        " probes where they are, and the images say what the verdict says"
    )
    if account.here is None:
        return same
    if account.holds:
        return f"{same}; so do pixels rendered on this computer"
    return f"another answer on this computer: {_otherwise(account.here.judgement)}"


def _otherwise(found: Judgement) -> str:
    if found.suspected:
        return f"{Outcome.INCONCLUSIVE}, to be looked at again as a whole tile before anybody is blamed"
    return f"{found.outcome}"


def _first_in(folder: Path, find: Find) -> Find:
    def found(name: Digest) -> Path:
        path = folder / f"{name.hex()}.exr"
        return path if path.exists() else find(name)

    return found
