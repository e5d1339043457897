"""Bearer tokens, from their files."""

from pathlib import Path

from tegula_coordinator.config import ConfigError

LEAST_CHARACTERS = 16
NO_OPERATOR = (
    "this coordinator has no operator's token; put one of 16 characters or more into a file and name it in"
    " the configuration: operator_token_file = FILE"
)


def read(path: Path) -> frozenset[str]:
    """Raises: ConfigError: no such file, or a token that is too short."""
    try:
        tokens = frozenset(path.read_text().split())
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read tokens from {path}: {error}") from error
    if any(len(token) < LEAST_CHARACTERS for token in tokens):
        raise ConfigError(f"{path}: a token of fewer than {LEAST_CHARACTERS} characters is too easy to guess")
    return tokens


def operators(path: Path) -> str:
    """Raises: ConfigError: as `read`, or there is not exactly one."""
    tokens = read(path)
    if len(tokens) != 1:
        raise ConfigError(f"{path}: want one operator's token, not {len(tokens)}")
    (token,) = tokens
    return token
