import re
from pathlib import Path

from tegula_worker.renderer import RENDER_CHILD
from tegula_worker.replies import OF_THE_SCENE, Device, Failure


def test_the_child_answers_only_failures_that_have_a_name() -> None:
    """The child is a script of its own and cannot import the names, so they are spelled twice."""
    source = Path(RENDER_CHILD).read_text(encoding="utf-8")
    said = set(re.findall(r'Refused\(\s*"(\w+)"', source)) | {"OUT_OF_MEMORY", "NOT_RENDERED"}
    assert said >= OF_THE_SCENE
    assert said <= set(Failure)
    assert f"DEVICES = {tuple(map(str, Device))}".replace("'", '"') in source
