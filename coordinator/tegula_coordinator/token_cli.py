"""`tegula-coordinator token`: makes, lists and revokes tokens of requesters, while a coordinator serves."""

import dataclasses
import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from tegula_coordinator import bearer, config
from tegula_coordinator.access import ACCOUNTS, OF_FILE, WORKERS
from tegula_coordinator.bearer import Scope, Token
from tegula_coordinator.quotas import LEAST_UPLOAD
from tegula_coordinator.store import Act, AuditLog, Entry, EventLog, StoreError, TokenTable
from tegula_market import codec
from tegula_market.adapters.sentences import explained
from tegula_market.model import Address, InvalidValue

DAY = 86_400.0
OPERATOR = "operator"
"""Who changes tokens, in the audit log."""
TAKEN = frozenset({OPERATOR, OF_FILE})
USUAL = frozenset({Scope.READ, Scope.ORDER})

app = typer.Typer(no_args_is_help=True, help="Requesters' tokens, kept in the database as digests.")
ConfigFile = Annotated[Path, typer.Option("--config", help="TOML file")]
Name = Annotated[str, typer.Argument(help="whose it is; in answers and logs")]


@app.command()
def new(
    name: Name,
    config_file: ConfigFile,
    scope: Annotated[
        list[Scope] | None, typer.Option(help="may be given several times; `all` reaches everybody's jobs")
    ] = None,
    account: Annotated[
        str | None, typer.Option(help="address of a requester, whose jobs it reaches; else those it opens")
    ] = None,
    days: Annotated[float, typer.Option(min=0.0, max=36_500.0, help="until it expires")] = 365.0,
    requests: Annotated[int | None, typer.Option(min=1, help="most in a minute; no limit without")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="most that may be open at once")] = None,
    upload_bytes: Annotated[int | None, typer.Option(min=LEAST_UPLOAD, help="most in a day")] = None,
) -> None:
    """Make a token. Prints it as JSON, this once; by default it may read and order, for jobs of its own."""
    with explained("tegula-coordinator"), _tables(config_file) as (table, audit):
        if name in TAKEN or name.startswith((WORKERS, ACCOUNTS)):
            raise InvalidValue(f"a token cannot have the name {name}: others have it in the audit log")
        now, secret = time.time(), bearer.fresh()
        until = now + days * DAY
        whose = None if account is None else codec.decode(Address, account.lower(), "--account")
        quotas = requests, jobs, upload_bytes
        token = Token(name, _scopes(scope or []), now, until, None, *quotas, whose)
        table.add(token, bearer.digest_of(secret))
        audit.add(Entry(now, OPERATOR, Act.TOKEN, name, "made"))
        typer.echo(json.dumps({"token": secret, **_shown(token)}))


@app.command("list")
def show(config_file: ConfigFile) -> None:
    """Print all tokens, one JSON object a line; times are Unix seconds."""
    with explained("tegula-coordinator"), _tables(config_file) as (table, _):
        for token in table.all():
            typer.echo(json.dumps(_shown(token)))


@app.command()
def revoke(name: Name, config_file: ConfigFile) -> None:
    """End a token, or shut out an account; a coordinator that serves knows within five seconds."""
    with explained("tegula-coordinator"), _tables(config_file) as (table, audit):
        now, name = time.time(), _spelled(name)
        if name.startswith(ACCOUNTS) and name not in {token.name for token in table.all()}:
            # A row of its own, for a token that nobody has: accounts have none until they are shut out.
            account = codec.decode(Address, name, "account")
            table.add(Token(name, USUAL, now, account=account), bearer.digest_of(bearer.fresh()))
        table.revoke(name, now)
        audit.add(Entry(now, OPERATOR, Act.TOKEN, name, "revoked"))


@app.command()
def readmit(name: Annotated[str, typer.Argument(metavar="ACCOUNT")], config_file: ConfigFile) -> None:
    """Let an account sign in again that was shut out by `revoke`."""
    with explained("tegula-coordinator"), _tables(config_file) as (table, audit):
        name = codec.encode(codec.decode(Address, _spelled(name), "account"))
        table.readmit(name)
        audit.add(Entry(time.time(), OPERATOR, Act.TOKEN, name, "readmitted"))


def _spelled(name: str) -> str:
    """An account as the audit log has it, however its address was spelled."""
    return name.lower() if name.lower().startswith(ACCOUNTS) else name


def _scopes(given: list[Scope]) -> frozenset[Scope]:
    """The usual ones, if it is not said what the token may do: `all` says of which jobs alone."""
    chosen = frozenset(given)
    return chosen if chosen - {Scope.ALL} else chosen | USUAL


@contextmanager
def _tables(config_file: Path) -> Iterator[tuple[TokenTable, AuditLog]]:
    settings = config.load(config_file)
    settings.data.mkdir(parents=True, exist_ok=True)
    url = settings.database_url
    with closing(TokenTable(url)) as table, closing(AuditLog(url)) as audit:
        if not table.there():  # before the first start, or before the first one of this version
            with closing(EventLog(url)) as log:
                if not log.lead():
                    raise StoreError(
                        "a coordinator of an older version leads, and knows no tokens in the database; update"
                        " the coordinator first"
                    )
        yield table, audit


def _shown(token: Token) -> dict[str, object]:
    shown = dataclasses.asdict(token)
    del shown["digest"]  # of no request here
    return {**shown, "scopes": sorted(token.scopes), "account": codec.encode(token.account)}
