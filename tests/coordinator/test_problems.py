"""The API against its own description, by requests that schemathesis makes up: good ones, and bad ones."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest.mock import Mock

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from coordinator.house import AS_OPERATOR, AS_REQUESTER, BLEND, an_honest_order, house
from coordinator.served import served
from tegula_coordinator import http_api, upload_api
from tegula_market import codec
from tegula_market.digests import digest

pytestmark = pytest.mark.slow

EXAMPLES = 4
NEVER_ENDS = "/v1/operator/events"
IS_NOT_READY = "/v1/ready"
"""Answers 503 here, which has no verifier; test_readiness.py reads it."""
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)


schemathesis.serializer.alias(upload_api.OCTETS, http_api.OCTETS)


@dataclass(frozen=True, slots=True)
class Api:
    url: str
    job: str
    """One that is open."""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A coordinator in a loop of its own: schemathesis asks from this thread."""
    ready, told = threading.Event(), list[Api]()
    loop, over = asyncio.new_event_loop(), asyncio.Event()

    async def live() -> None:
        async with house(tmp_path_factory.mktemp("house")) as it, served(it.app) as url:
            told.append(Api(url, codec.encode(await it.open(an_honest_order()))))
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(live(),))
    thread.start()
    try:
        assert ready.wait(60)
        yield told[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


described = schemathesis.openapi.from_dict(
    http_api.create_app(Mock(), Mock(), Mock(), Mock(), Mock(), Mock()).openapi()
)
described = described.exclude(path=[NEVER_ENDS, IS_NOT_READY])


@described.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
def test_answers_are_what_the_description_says(case: Any, api: Api) -> None:
    if "job" in case.path_parameters:
        case.path_parameters["job"] = api.job
    if "digest" in case.path_parameters:
        case.path_parameters["digest"] = codec.encode(digest(BLEND))
    if "wait" in (case.query or {}):
        case.query["wait"] = 0
    headers = AS_OPERATOR if case.path.startswith("/v1/operator") else AS_REQUESTER
    case.call_and_validate(api.url, headers=headers, checks=CHECKS, timeout=20)


@described.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
def test_nonsense_is_answered_as_the_description_says(case: Any, api: Api) -> None:
    case.call_and_validate(api.url, headers=AS_REQUESTER, checks=CHECKS, timeout=20)
