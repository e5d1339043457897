"""The extension's session as a program that can be killed: `requester.py FOLDER URL TOKEN REQUEST.json`.

It orders what is asked for, or goes on with the job that it finds in its folder; when the job is over it
prints how, as JSON.
"""

import json
import sys
import threading
from pathlib import Path
from typing import Any

from tegula_blender.session import pursuit
from tegula_blender.session.requesting import Request
from tegula_blender.session.session import Session
from tegula_blender.session.state import JobCard

LOOK_SECONDS = 0.1


def main() -> None:
    folder, url, token, asked = sys.argv[1:]
    pursuit.REST = 0.0  # there is no interface here that wants its turn
    here = Session(Path(folder), None, keep=10**9)
    if here.state.jobs:
        here.resume(here.state.jobs[0].handle, token)
    else:
        here.agree(here.submit(url, token, _request(here, json.loads(Path(asked).read_text()))))
    card = _over(here)
    print(json.dumps({"step": card.step, "sentence": card.sentence, "spent": card.spent}), flush=True)
    here.close()


def _over(here: Session) -> JobCard:
    while True:
        (card,) = here.state.jobs
        if card.step.over:
            return card
        threading.Event().wait(LOOK_SECONDS)


def _request(here: Session, asked: dict[str, Any]) -> Request:
    return Request(**{**asked, "scratch": here.scratch(), "frames": tuple(asked["frames"])})


if __name__ == "__main__":
    main()
