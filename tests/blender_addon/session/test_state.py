from tegula_blender.session.state import Step


def test_a_job_is_over_when_nothing_follows() -> None:
    assert {step for step in Step if step.over} == {Step.DONE, Step.CANCELLED, Step.FAILED}
