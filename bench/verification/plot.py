"""What the tables say, as pictures."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from numpy.typing import NDArray

from tegula_market.adapters.statistic import CERTAIN, RUNGS, Pair, noise
from tegula_market.adapters.verify import SUSPECT
from verification.cheats import CHEATS, Goal
from verification.rates import Found, Honest, counts
from verification.roc import HONEST_OTHER, Audit

THRESHOLDS = np.linspace(0, CERTAIN, 161)
GROUPS = {
    "whole tile": {c.name for c in CHEATS if c.goal is Goal.WHOLE},
    "part of the light, of the objects": {c.name for c in CHEATS if c.goal is Goal.PART},
    **{
        f"patch of {share} %": {c.name for c in CHEATS if c.name.startswith(f"patch of {share}%")}
        for share in (1, 5, 10, 25)
    },
}

mpl.use("Agg")


def curves(audits: Sequence[Audit]) -> dict[str, NDArray[np.float64]]:
    """By group, the share of audits whose screen reaches each of THRESHOLDS, on other kernels."""
    goals = {cheat.name: cheat.goal for cheat in CHEATS}
    shown = [a for a in audits if a.pair is not Pair.SAME and a.case in goals and counts(a, goals[a.case])]
    screens = {name: [a.screen for a in shown if a.case in group] for name, group in GROUPS.items()}
    screens["honest"] = [a.screen for a in audits if a.case == HONEST_OTHER]
    return {
        name: (np.array(mine)[:, None] >= THRESHOLDS).mean(axis=0) for name, mine in screens.items() if mine
    }


def roc(audits: Sequence[Audit], path: Path) -> None:
    """Cheats that a screen suspects against honest tiles that it suspects, over all thresholds."""
    shares = curves(audits)
    honest = shares.pop("honest")
    figure, axes = plt.subplots(figsize=(7, 5), layout="constrained")
    shipped = int(np.argmin(np.abs(THRESHOLDS - SUSPECT)))
    for name, found in shares.items():
        (line,) = axes.plot(np.maximum(honest, 1e-4), found, label=name)
        axes.plot(max(honest[shipped], 1e-4), found[shipped], "o", color=line.get_color())
    axes.set(xscale="log", xlabel="honest tiles of another kernel, looked at again (0 is shown as 0.01 %)")
    axes.set(ylabel="cheated tiles, looked at again", title="Screens, by their threshold; dots: as shipped")
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=130)
    plt.close(figure)


def rates(found: Sequence[Found], honest: Sequence[Honest], path: Path) -> None:
    """Rejected of audited, by cheat: ours on both pairs and the predecessor's, which rejects honest ones."""
    figure, axes = plt.subplots(figsize=(9, 10), layout="constrained")
    names = [each.cheat.name for each in found[::2]]
    for same, marker in ((True, "o"), (False, "s")):
        mine = [each for each in found if (each.pair is Pair.SAME) is same]
        shares = np.array([each.audited.share for each in mine])
        ends = np.array([each.audited.interval for each in mine]).T
        label = "same kernel" if same else "other kernel"
        axes.errorbar(shares, names, xerr=np.abs(ends - shares), fmt=marker, label=label, alpha=0.7)
    label = f"predecessor, which rejects {honest[0].before.share:.0%} of honest tiles"
    axes.plot([each.before.share for each in found[::2]], names, "x", color="grey", label=label)
    axes.set(xlabel="rejected, of audited tiles in which the cheat shows", xlim=(-0.02, 1.02))
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="lower left")
    figure.savefig(path, dpi=130)
    plt.close(figure)


def calibration(shares: dict[str, NDArray[np.float64]], pair: Pair, path: Path) -> None:
    """Share of each honest tile's pixels that are off, by rung and scene, and what was fitted.

    Args:
        shares: by scene, float[tile, rung].
    """
    figure, axes = plt.subplots(figsize=(10, 6), layout="constrained")
    colours = mpl.colormaps["tab20"]
    for at, (scene, mine) in enumerate(shares.items()):
        for rung in range(len(RUNGS)):
            x = rung + (at - len(shares) / 2) * 0.8 / len(shares)
            label = scene if rung == 0 else None
            axes.plot(
                np.full(len(mine), x),
                np.maximum(mine[:, rung], 1e-5),
                ".",
                ms=4,
                color=colours(at % 20),
                label=label,
            )
    fitted = noise(pair)
    axes.plot(range(len(RUNGS)), fitted.mean, "k_", ms=60, label="fitted mean")
    axes.set(yscale="log", ylabel="share of a tile's pixels (0 is shown as 0.001 %)")
    axes.set(xlabel="off by more than", title="Honest tiles of another kernel")
    axes.set_xticks(range(len(RUNGS)), ["a bit", *(f"{rung:g}" for rung in RUNGS[1:])])
    axes.legend(ncols=1, loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small")
    figure.savefig(path, dpi=130)
    plt.close(figure)
