"""The first word with a coordinator: who it is, whether it fits, what its clock says. Blocks."""

import structlog

from tegula_market import messages
from tegula_market.adapters.blobs import About, BlobClient
from tegula_worker import clock
from tegula_worker.config import Config, ConfigError

PATIENCE = 30.0
"""Seconds, for a coordinator that restarts."""

log = structlog.get_logger(__name__)


def make(config: Config, patience: float = PATIENCE) -> About:
    """
    Raises:
        BlobError: it cannot be reached, or is no coordinator.
        ConfigError: it speaks another protocol, or pays from an escrow that is not believed.
    """
    client = BlobClient(config.coordinator, patience=patience)
    try:
        about = client.about()
        wrong = clock.compare(client)
    finally:
        client.close()
    if wrong:
        log.warning("clocks differ", reason=wrong, remedy=clock.REMEDY)
    _check(about, config)
    return about


def _check(about: About, config: Config) -> None:
    if about.protocol != messages.PROTOCOL.decode():
        raise ConfigError(
            f"the coordinator speaks {about.protocol[:20]!r}, this worker {messages.PROTOCOL.decode()!r};"
            " use versions that fit"
        )
    if config.escrow not in (None, about.escrow):
        raise ConfigError(
            f"the coordinator pays from 0x{about.escrow.hex()}, which is not the escrow of the configuration"
        )
