"""Opens where the blobs are, which the configuration names: a folder or a bucket."""

from dataclasses import dataclass
from pathlib import Path

from tegula_coordinator.blobs import BlobFolder, Blobs
from tegula_coordinator.config import Config, ConfigError


@dataclass(frozen=True, slots=True)
class Where:
    """What other programs of the coordinator are told of its blobs; secrets stay in their file."""

    place: str
    """A folder, or s3://BUCKET/PREFIX."""
    incoming: str
    """Folder for uploads under way."""
    max_bytes: int
    endpoint: str
    region: str
    credentials: str
    """File; empty for none."""


def where(config: Config) -> Where:
    """Raises: ConfigError: neither a folder nor an S3 URL."""
    place = config.blobs or str(config.data / "blobs")
    remote = place.startswith("s3://")
    if "://" in place and not remote:
        raise ConfigError(f"blobs: want a folder or s3://BUCKET/PREFIX, not {place}")
    return Where(
        place,
        str(config.data / "incoming" if remote else Path(place) / "incoming"),
        config.max_blob_bytes,
        config.s3_endpoint,
        config.s3_region,
        str(config.s3_credentials_file or ""),
    )


def partials(config: Config) -> Path:
    """Folder for uploads that came in part; a restart does not empty it."""
    return Path(where(config).incoming).with_name("partial")


def opened(at: Where) -> Blobs:
    """Blocks.

    Raises:
        ConfigError: what S3 takes is not installed, or no such bucket.
        BlobsAway: it is not there now.
    """
    if not at.place.startswith("s3://"):
        return BlobFolder(Path(at.place), at.max_bytes)
    try:
        from tegula_coordinator import bucket  # noqa: PLC0415 an extra, which only those need who use it
    except ImportError as error:
        raise ConfigError(
            "blobs: what S3 takes is not installed: pip install 'tegula-coordinator[s3]'"
        ) from error
    credentials = Path(at.credentials) if at.credentials else None
    store = bucket.connect(at.place, at.endpoint, at.region, credentials)
    return bucket.BlobBucket(store, Path(at.incoming), at.max_bytes)
