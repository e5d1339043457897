"""What of the coordinator's words goes into the log: every move once."""

import structlog

from tegula_market import messages
from tegula_market.messages import FromCoordinator

log = structlog.get_logger(__name__)


def note(message: FromCoordinator) -> None:
    match message:
        case messages.Welcome():
            log.info("welcome")
        case messages.Refused(reason):
            log.warning("refused", reason=reason)
        case messages.Call(job):
            log.info("call", job=job.hex())
        case messages.NotTaken(job, code, reason):
            log.info("ask not taken", job=job.hex(), code=code, reason=reason)
        case messages.Grant(lease):
            log.info("lease", lease=lease.id, price=lease.price)
        case messages.Probe(lease_id):
            log.info("probe", lease=lease_id)
        case messages.Revoke(lease_id, reason):
            log.info("lease revoked", lease=lease_id, reason=reason)
        case messages.Decided(verdict, cumulative):
            outcome, reason = verdict.outcome.value, verdict.reason
            log.info("verdict", lease=verdict.lease, outcome=outcome, cumulative=cumulative, reason=reason)
        case messages.Ended(job, reason):
            log.info("job ended", job=job.hex(), reason=reason)
        case messages.Heartbeat() | messages.Pay() | messages.Rooted():  # noted once they are verified
            pass
