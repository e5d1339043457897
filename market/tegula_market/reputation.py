"""How likely a worker's next lease comes to something: right, and in time. Two histories, kept apart.

Each is a Beta posterior over what was good and what was not, which fades by half in HALF_LIFE seconds: of a
machine that was mended the past says little, and of one that was sold even less. A name that is new stands
at START. docs/market.md has the formula in words.

Source: Jøsang and Ismail, The Beta Reputation System (Bled 2002), with its forgetting; the base rate START,
with a weight of two observations, as in Jøsang, Subjective Logic (2016): E = (r + 2 a) / (r + s + 2).
"""

from dataclasses import dataclass, field

HALF_LIFE = 30 * 86_400.0
START = 0.8
"""Of a name of which nothing is known. It has to be low, since names are free, and above nothing, since
whoever is never taken never shows anything."""
WEIGHT = 2.0
"""Observations that START counts for: after a handful of tiles a newcomer is known."""
PARTS = 1_000_000


@dataclass(frozen=True, slots=True)
class History:
    """Good and bad outcomes, as much of them as was left at `at`."""

    good: float = 0.0
    bad: float = 0.0
    at: float = 0.0
    """Unix seconds."""

    def after(self, at: float, good: float = 0.0, bad: float = 0.0) -> "History":
        """With that much more. A clock that was set back fades nothing."""
        left = 0.5 ** (max(0.0, at - self.at) / HALF_LIFE)
        return History(self.good * left + good, self.bad * left + bad, max(at, self.at))

    def expected(self, at: float) -> float:
        """The chance that the next outcome is good."""
        now = self.after(at)
        return (now.good + WEIGHT * START) / (now.good + now.bad + WEIGHT)


@dataclass(frozen=True, slots=True)
class Reputation:
    """Of a payout address, at one coordinator."""

    verdicts: History = field(default_factory=History)
    timeliness: History = field(default_factory=History)

    def judged(self, at: float, *, accepted: bool) -> "Reputation":
        """By an audit: what a batch's other tiles would have shown is not known."""
        return Reputation(self.verdicts.after(at, accepted, not accepted), self.timeliness)

    def delivered(self, at: float) -> "Reputation":
        return Reputation(self.verdicts, self.timeliness.after(at, good=1.0))

    def missed(self, at: float, share: float) -> "Reputation":
        """A lease that came to nothing after that share of its time: so much of it was others' to use."""
        return Reputation(self.verdicts, self.timeliness.after(at, bad=min(1.0, max(0.0, share))))

    def failure(self, at: float) -> int:
        """The chance that the next result is wrong, in millionths.

        An integer, so that the last bit of a logarithm decides no auction when its log is replayed elsewhere.
        """
        return round(PARTS * (1.0 - self.verdicts.expected(at)))

    def lateness(self, at: float) -> int:
        """The chance that the next lease runs out, in millionths."""
        return round(PARTS * (1.0 - self.timeliness.expected(at)))
