"""Every module has its test file in the same place of the tree, and every test file its module."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = {
    "market": ROOT / "market" / "tegula_market",
    "coordinator": ROOT / "coordinator" / "tegula_coordinator",
    "worker": ROOT / "worker" / "tegula_worker",
    "requester": ROOT / "requester" / "tegula",
    "blender_addon": ROOT / "blender_addon" / "tegula_blender",
    "bench/verification": ROOT / "bench" / "verification",
    "bench/simulator": ROOT / "bench" / "simulator",
    "tools/gpu_check": ROOT / "tools" / "gpu_check",
}
COVERED_ELSEWHERE = {
    "market/model.py": "types; their checks are tested where they are used",
    "market/adapters/children.py": "end_to_end/test_local.py kills a parent",
    "market/adapters/typed_data.py": "market/adapters/test_light.py holds it against eth-account",
    "market/adapters/trials.py": "market/adapters/test_evidence.py and coordinator/test_router.py",
    "market/adapters/durable.py": "worker/test_store.py kills it at each step, and fills the disk",
    "market/adapters/devchain_server.py": "market/adapters/test_chain.py runs its suite on it",
    "market/adapters/exr_openexr.py": "market/adapters/test_exr.py, which is about nothing else",
    "market/adapters/contract.py": "market/adapters/test_chain.py and test_rooted.py, on real chains",
    "market/adapters/happenings.py": "coordinator/test_lookout.py, on a real chain",
    "market/adapters/evm/pursuit.py": "market/adapters/evm/test_sending.py: stuck, overtaken, lost",
    "market/adapters/evm/database.py": "market/adapters/evm/test_outbox.py, test_cursor.py: bad files",
    "market/adapters/purse.py": "test_fakes.py sends on with it, worker/test_claims.py claims at its prices",
    "market/adapters/records.py": "types; market/adapters/test_chain.py reads them from real chains",
    "coordinator/bodies.py": "types; coordinator/test_http_api.py and test_relay.py send them",
    "coordinator/relay_api.py": "coordinator/test_relay.py, over HTTP",
    "coordinator/refusals.py": "types; coordinator/test_access.py is refused by each",
    "coordinator/sign_in_api.py": "coordinator/test_sign_in.py, over HTTP",
    "coordinator/dashboard/sights.py": "coordinator/dashboard/test_operator_api.py, from what happened",
    "coordinator/commands.py": "types; the book's tests read them",
    "coordinator/events.py": "coordinator/store/test_log.py writes and reads every kind",
    "coordinator/store/migrations/env.py": "coordinator/store/test_schema.py migrates",
    "coordinator/store/migrations/versions/r0001_events.py": "coordinator/store/test_schema.py migrates",
    "coordinator/store/migrations/versions/r0002_tokens.py": "coordinator/store/test_tokens.py migrates",
    "coordinator/store/migrations/versions/r0003_audit.py": "coordinator/store/test_audit.py migrates",
    "coordinator/store/migrations/versions/r0004_owners.py": "coordinator/store/test_tokens.py migrates",
    "coordinator/store/migrations/versions/r0005_checkpoints.py": "coordinator/store/test_checkpoints.py",
    "coordinator/tiles.py": "coordinator/test_router.py probes and judges through it",
    "coordinator/court.py": "coordinator/test_router.py, with a verifier's images and without",
    "coordinator/jury.py": "coordinator/test_router.py, with a verifier's images and without",
    "coordinator/views.py": "coordinator/test_http_api.py reads them",
    "coordinator/desk.py": "coordinator/test_http_api.py, through the API",
    "coordinator/cli.py": "end_to_end/test_local.py runs the program",
    "coordinator/book/job.py": "coordinator/book/, event by event",
    "coordinator/book/state.py": "coordinator/book/, event by event",
    "worker/commands.py": "types; worker/test_session.py reads them",
    "worker/events.py": "types; worker/test_session.py plays them",
    "worker/findings.py": "types; worker/test_doctor.py and the tests of its checks read them",
    "worker/notes.py": "words for the log; worker/test_agent.py has every move made",
    "worker/objections.py": "types; worker/test_policy.py and test_pauses.py read them",
    "worker/prudence.py": "worker/test_agent.py is offered what might not be paid",
    "worker/rendering.py": "worker/test_agent.py, from lease to signed result",
    "requester/outcome.py": "types; the report's tests read them",
    "requester/report_page.py": "requester/test_report.py reads the page",
    "requester/report_time.py": "requester/test_report.py reads the page",
    "requester/run.py": "requester/test_job.py and test_render.py",
    "requester/screen.py": "requester/test_cli.py and test_render.py read what it says",
    "requester/settle.py": "requester/test_job.py, with a real escrow",
    "bench/verification/calibrate.py": "test_fit.py beside it; its output is committed",
    "bench/verification/cheats.py": "test_paints.py and test_roc.py go through all of it",
    "bench/verification/cost.py": "a measurement; nothing but timing in it",
    "bench/verification/edits.py": "bench/verification/test_roc.py renders what it makes",
    "bench/verification/picture.py": "bench/verification/test_judge.py and test_paints.py",
    "bench/verification/plot.py": "bench/verification/test_roc.py",
    "bench/verification/renders.py": "bench/verification/test_roc.py",
    "bench/verification/run.py": "the program; its parts are tested",
    "bench/verification/subjects.py": "finds scenes; end_to_end/test_adaptive.py builds the same ones",
    "bench/verification/table.py": "bench/verification/test_roc.py",
    "bench/simulator/machines.py": "bench/simulator/test_market.py plays every plan",
    "bench/simulator/plot.py": "bench/simulator/test_run.py",
    "bench/simulator/world.py": "bench/simulator/test_market.py",
    "blender_addon/market_view.py": "types; blender_addon/test_client.py decodes them",
    "blender_addon/session/follow.py": "requester/test_job.py follows whole jobs",
    "blender_addon/rewriting.py": "end_to_end/test_gauntlet.py renders what it copies",
    "blender_addon/session/packed.py": "requester/test_scene.py, with every kind of file",
    "blender_addon/live.py": "blender_addon/ui/test_operators.py",
    "blender_addon/ui/keymap.py": "blender_addon/ui/test_operators.py looks for what stays",
    "blender_addon/ui/menus.py": "blender_addon/ui/test_operators.py looks for what stays",
    "blender_addon/ui/panels.py": "blender_addon/ui/test_operators.py draws them",
    "blender_addon/ui/preferences.py": "blender_addon/ui/test_operators.py draws them",
    "blender_addon/ui/properties.py": "blender_addon/ui/test_operators.py looks for what stays",
    "blender_addon/session/connection.py": "blender_addon/session/test_session.py, with good and bad ones",
    "blender_addon/session/errand.py": "blender_addon/session/test_session.py, with whole jobs",
    "blender_addon/session/patience.py": "blender_addon/session/test_session.py, with one that goes away",
    "blender_addon/session/pursuit.py": "blender_addon/session/test_session.py, with every end of a job",
    "blender_addon/session/requesting.py": "blender_addon/session/test_session.py, with good and bad wishes",
    "blender_addon/job_view.py": "types; blender_addon/test_client.py decodes them",
}


def modules() -> set[str]:
    return {
        f"{room}/{path.relative_to(folder)}"
        for room, folder in ROOMS.items()
        for path in folder.rglob("*.py")
        if path.name != "__init__.py"
    }


def test_every_module_has_its_test_file() -> None:
    untested = {
        module
        for module in modules() - COVERED_ELSEWHERE.keys()
        if not (ROOT / "tests" / Path(module).with_name(f"test_{Path(module).name}")).is_file()
    }
    assert untested == set()


def test_every_test_file_has_its_module() -> None:
    stray = {
        str(path.relative_to(ROOT / "tests"))
        for room in ROOMS
        for path in (ROOT / "tests" / room).rglob("test_*.py")
        if str(path.relative_to(ROOT / "tests").with_name(path.name.removeprefix("test_"))) not in modules()
    }
    assert stray == set()


def test_what_is_covered_elsewhere_still_exists() -> None:
    assert COVERED_ELSEWHERE.keys() - modules() == set()


def test_every_rule_of_the_market_is_kept_from_the_outside_libraries() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    contracts = {contract["name"]: contract for contract in tools["importlinter"]["contracts"]}
    watched = set(contracts["The rules import the standard library only"]["source_modules"])
    modules = {path.stem for path in ROOMS["market"].glob("*.py")} - {"__init__"}
    rules = {f"tegula_market.{module}" for module in modules}
    assert watched == rules
