"""Text as panels show it. Needs no bpy."""

from textwrap import wrap

from ..session.state import JobCard, Quote, Step
from ..session.words import amounts, between, duration


def wrapped(text: str, width: int) -> list[str]:
    """Blender's labels have one line each."""
    return [line for sentence in text.splitlines() for line in wrap(sentence, width)]


def price(quote: Quote) -> str:
    return amounts(*quote.price, quote.money)


def time(quote: Quote) -> str:
    return between(*quote.seconds)


def progress(card: JobCard) -> str:
    """One line of where a job stands."""
    match card.step:
        case Step.UPLOADING:
            return f"{_megabytes(card.sent)} of {_megabytes(card.to_send)} MB sent"
        case Step.RENDERING | Step.WAITING if card.of:
            left = f", {duration(card.seconds_left)} left" if card.seconds_left else ""
            return f"{card.tiles} of {card.of} tiles{left}"
    return f"{card.step.value.capitalize()}"


def share(card: JobCard) -> float:
    """How much of the present step is done, 0 to 1."""
    done, of = (card.sent, card.to_send) if card.step is Step.UPLOADING else (card.tiles, card.of)
    return done / of if of else 0.0


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f}"
