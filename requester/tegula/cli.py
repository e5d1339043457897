"""`tegula`: results to stdout, progress to stderr; exit 0, 1 (our fault) or 2 (input or configuration)."""

import json
import threading
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from tegula import local, plan, record, report, screen, verify
from tegula import render as rendering
from tegula.market import Market
from tegula.render import Wanted
from tegula_blender.session.stopwatch import Stopwatch
from tegula_market import auction
from tegula_market.adapters import home, signing
from tegula_market.adapters.blobs import BlobClient
from tegula_market.adapters.chain import Dispatch, Escrow, job_id
from tegula_market.adapters.signed_in import SignedIn
from tegula_market.model import (
    ETHER,
    MAX_FEE_PER_GAS,
    MOST_AUTHOR_BPS,
    NOBODY,
    Address,
    InvalidValue,
    LeaseId,
    Wei,
)

LONGEST_TOKEN = 4096
LARGEST_BUNDLE = 4 << 30
PUBLIC_WORKERS = 8
"""That a market is taken to have; decides how large tiles are."""
CLAIM_SECONDS = 60.0
"""Workers on this computer claim at once; elsewhere they may wait until it is worth the fee."""

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
Scene = Annotated[Path, typer.Argument(metavar="SCENE.blend", help="the scene to render")]
Out = Annotated[Path, typer.Option(help="folder for the frames and the report")]
Frames = Annotated[str | None, typer.Option(help="like 7, 1-3 or 1-3,7; by default the current frame")]
Samples = Annotated[int | None, typer.Option(min=1, help="instead of the scene's")]
Scale = Annotated[int | None, typer.Option(min=1, max=32767, help="percent of the scene's resolution")]
Tile = Annotated[int | None, typer.Option(min=8, help="edge of a tile in pixels")]
Ceiling = Annotated[
    int, typer.Option(min=1, max=auction.MAX_PRICE, help="most to pay for a megasample, in token units")
]
Blender = Annotated[Path | None, typer.Option(help="Blender program; without it, the bpy module is used")]
Device = Annotated[
    str,
    typer.Option(help="what workers render on: auto, kinds such as CPU, CUDA and OPTIX, or ids, with commas"),
]
VerifierDevice = Annotated[str | None, typer.Option(help="what tiles are checked on, if not on the workers'")]
Deadline = Annotated[int, typer.Option(min=120, help="seconds after which no more work is paid for")]
Wait = Annotated[
    bool, typer.Option("--wait", help="until the deadline for a lower price, if all ask more than --ceiling")
]
Rpc = Annotated[str, typer.Option(help="JSON-RPC URL of the chain")]
KeyFile = Annotated[Path, typer.Option(help="file with the key that pays")]
Coordinator = Annotated[str, typer.Option(help="its URL")]
TokenFile = Annotated[Path, typer.Option(help="file with the bearer token that its operator gave you")]
MaxFee = Annotated[int, typer.Option(min=1, help="most wei to pay for a unit of gas")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="no progress")]


@app.command()
def render(
    scene: Scene,
    coordinator: Coordinator,
    rpc: Rpc,
    key_file: KeyFile,
    token_address: Annotated[str, typer.Option(help="ERC-20 contract to pay with, or eth")],
    ceiling: Ceiling,
    out: Out,
    token_file: Annotated[
        Path | None,
        typer.Option(help="file with its operator's bearer token; without it, the key signs in, if it may"),
    ] = None,
    escrow: Annotated[str | None, typer.Option(help="the only escrow contract to pay into")] = None,
    wallet: Annotated[
        str | None, typer.Option(help="account of a browser's wallet that pays; the key is for gas then")
    ] = None,
    arbiter: Annotated[
        str | None, typer.Option(help="decides about roots: an address, or none; else the coordinator's")
    ] = None,
    author: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS:PERCENT", help="of the application or asset, and its part of payments"),
    ] = None,
    frames: Frames = None,
    samples: Samples = None,
    scale: Scale = None,
    tile: Tile = None,
    deadline: Deadline = 86_400,
    wait: Wait = False,
    blender: Blender = None,
    claim_seconds: Annotated[float, typer.Option(min=0, help="longest wait for workers' claims")] = 30.0,
    max_fee_per_gas: MaxFee = MAX_FEE_PER_GAS,
    quiet: Quiet = False,
) -> None:
    """Have a scene rendered by a coordinator's workers and pay them."""
    with screen.explained(), TemporaryDirectory(prefix="tegula-") as scratch:
        wanted = Wanted(
            scene, out, _frames(frames), samples, scale, tile, Wei(ceiling), deadline, blender,
            PUBLIC_WORKERS, claim_seconds, wait,
        )  # fmt: skip
        pinned = None if escrow is None else _address("--escrow", escrow)
        key = signing.load_key(key_file)
        parties = coordinator, _bearer(coordinator, token_file, wallet, key), rpc, key
        currency, dispatch = _currency(token_address), _dispatch(max_fee_per_gas)
        who, part = _author(author)
        where = Market(
            *parties,
            currency,
            pinned,
            dispatch=dispatch,
            arbiter=_arbiter(arbiter),
            author=who,
            author_bps=part,
            wallet=None if wallet is None else _address("--wallet", wallet),
        )
        watch = Stopwatch()
        with rendering.reached(where) as market:
            screen.say("reading the scene", quiet=quiet)
            packed = rendering.inspect(wanted, Path(scratch), watch)
            if wallet is not None:  # even if it is to be quiet: nothing goes on without it
                page, order = f"{coordinator.rstrip('/')}/dashboard/fund.html", out / record.RECORD
                screen.say(f"when it waits for the deposit, open {page} and give it {order}", quiet=False)
            outcome = rendering.render(wanted, packed, market, watch, screen.show(quiet=quiet))
    screen.summarise(outcome, str(out))


@app.command("local")
def render_locally(
    scene: Scene,
    out: Out,
    workers: Annotated[int, typer.Option(min=1, max=local.MOST_WORKERS, help="how many render")] = 2,
    ceiling: Ceiling = 100,
    frames: Frames = None,
    samples: Samples = None,
    scale: Scale = None,
    tile: Tile = None,
    blender: Blender = None,
    device: Device = local.CPU,
    verifier_device: VerifierDevice = None,
    quiet: Quiet = False,
) -> None:
    """Do the whole job on this computer, with a market that lasts as long as the job."""
    with screen.explained(), TemporaryDirectory(prefix="tegula-") as scratch:
        wanted = Wanted(
            scene, out, _frames(frames), samples, scale, tile, Wei(ceiling), 86_400, blender, workers,
            CLAIM_SECONDS,
        )  # fmt: skip
        watch = Stopwatch()
        screen.say("reading the scene", quiet=quiet)
        packed = rendering.inspect(wanted, Path(scratch), watch)
        screen.say(f"starting a market with {workers} workers on this computer", quiet=quiet)
        starting = watch.part("start")
        made = local.market(workers, blender, device=device, verifier_device=verifier_device)
        with starting, made as where, rendering.reached(where) as market:
            screen.say(local.protection(where), quiet=quiet)
            outcome = rendering.render(wanted, packed, market, watch, screen.show(quiet=quiet))
    screen.summarise(outcome, str(out))


@app.command("market")
def keep_market(
    workers: Annotated[int, typer.Option(min=1, max=local.MOST_WORKERS, help="how many render")] = 2,
    fund: Annotated[
        list[str] | None, typer.Option(help="account that gets play money, as Blender's preferences show it")
    ] = None,
    blender: Blender = None,
    quiet: Quiet = False,
) -> None:
    """Keep a market on this computer for Blender, until Ctrl-C; prints addresses and tokens."""
    with screen.explained():
        funded = [_address("--fund", account) for account in fund or ()]
        screen.say(f"starting a market with {workers} workers on this computer", quiet=quiet)
        with local.market(workers, blender, funded) as where:
            shown = {"coordinator": where.url, "token": where.token}
            typer.echo(
                json.dumps(shown | {"dashboard": f"{where.url}/dashboard/", "operator": where.operator})
            )
            screen.say(local.protection(where), quiet=quiet)
            screen.say("it ends with Ctrl-C", quiet=quiet)
            with suppress(KeyboardInterrupt):
                threading.Event().wait()


@app.command()
def refund(
    out: Annotated[Path, typer.Argument(help="the folder that the job was to fill")],
    rpc: Rpc,
    key_file: KeyFile,
    max_fee_per_gas: MaxFee = MAX_FEE_PER_GAS,
) -> None:
    """Get back the deposit of a job that could not be closed, after its deadline and grace."""
    with screen.explained():
        escrow, order = record.read(out)
        chain = Escrow.connect(rpc, escrow, _dispatch(max_fee_per_gas))
        tx = chain.refund(order.terms, signing.load_key(key_file))
        root = chain.root(job_id(order.terms))
        if root is not None and root.reserved:
            left = f"workers can still claim {root.reserved}; the rest of it returns by another refund"
            screen.say(left, quiet=False)
        else:
            record.drop(out)
    typer.echo(json.dumps({"tx": None if tx is None else "0x" + tx.hex()}))


@app.command()
def royalty(
    report_json: Annotated[
        Path, typer.Argument(metavar="REPORT.json", help="of a job, as `render` wrote it")
    ],
    rpc: Rpc,
    key_file: KeyFile,
    max_fee_per_gas: MaxFee = MAX_FEE_PER_GAS,
) -> None:
    """Send the author of a job's application or asset its part of what was claimed. Anybody may."""
    with screen.explained():
        escrow, terms = report.deposit_of(report_json)
        chain = Escrow.connect(rpc, escrow, _dispatch(max_fee_per_gas))
        due = chain.royalty(terms)
        tx = chain.collect_royalty(terms, signing.load_key(key_file))
    typer.echo(json.dumps({"amount": str(due), "tx": None if tx is None else "0x" + tx.hex()}))


@app.command()
def evidence(
    lease: Annotated[str, typer.Argument(metavar="JOB/TILE/ATTEMPT", help="as a verdict names its lease")],
    coordinator: Coordinator,
    token_file: TokenFile,
    out: Annotated[Path, typer.Option(help="file for the bundle")],
) -> None:
    """Get what a verdict stands on, for `tegula verify`."""
    with screen.explained():
        client = BlobClient(coordinator, _token(token_file))
        client.fetch_evidence(LeaseId(lease.removeprefix("0x")), out, LARGEST_BUNDLE)
    typer.echo(out)


@app.command("verify")
def verify_again(
    bundle: Annotated[Path, typer.Argument(help="what a verdict stands on, from `tegula evidence`")],
    scene: Annotated[
        Path | None, typer.Option(help="render again: folder with the scene's files, or the .blend in it")
    ] = None,
    coordinator: Annotated[str | None, typer.Option(help="render again, with the scene from there")] = None,
    token_file: Annotated[Path | None, typer.Option(help="file with a bearer token of its")] = None,
    blender: Blender = None,
    sandbox: Annotated[
        str | None, typer.Option(help="what to render in, as `tegula-worker probe` has it")
    ] = None,
) -> None:
    """Come to a verdict again: exit 0 if the answer is the same, 1 if it is another."""
    options = {
        "scene": scene, "coordinator": coordinator, "token-file": token_file, "blender": blender,
        "sandbox": sandbox,
    }  # fmt: skip
    given = [part for name, value in options.items() if value for part in (f"--{name}", str(value))]
    with screen.explained(), TemporaryDirectory(prefix="tegula-") as scratch:
        account = verify.look(bundle, Path(scratch), given)
    screen.tell(verify.lines(account))
    raise typer.Exit(0 if account.holds else 1)


def _frames(text: str | None) -> tuple[int, ...] | None:
    return None if text is None else plan.parse_frames(text)


def _bearer(url: str, token_file: Path | None, wallet: str | None, key: signing.Key) -> str | SignedIn:
    """Raises: InvalidValue: no token, or there is none and the key is not the requester's."""
    if token_file is not None:
        return _token(token_file)
    if wallet is not None:
        raise InvalidValue(
            "--wallet wants --token-file: the key is not the wallet's, and cannot sign in for it"
        )
    return SignedIn(url, key.address, partial(signing.sign_text, key=key))


def _token(path: Path) -> str:
    try:
        token = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidValue(f"cannot read the token file {path}: {error}") from error
    if not (token.isascii() and token.isprintable() and 0 < len(token) <= LONGEST_TOKEN):
        raise InvalidValue(f"{path} does not hold a token: want one line of text")
    return token


def _dispatch(max_fee_per_gas: int) -> Dispatch:
    """One outbox for all jobs of a person, whose key they share: two that run at once take turns."""
    return Dispatch.lasting(home.folder(), max_fee_per_gas)


def _currency(text: str) -> Address:
    return ETHER if text.lower() == "eth" else _address("--token-address", text)


def _arbiter(text: str | None) -> Address | None:
    if text is None:
        return None
    return NOBODY if text.lower() == "none" else _address("--arbiter", text)


def _author(text: str | None) -> tuple[Address, int]:
    """And the part in 1/10,000."""
    if text is None:
        return NOBODY, 0
    who, _, percent = text.partition(":")
    try:
        bps = Decimal(percent) * 100
    except InvalidOperation:
        bps = Decimal("NaN")
    if not (bps.is_finite() and bps == int(bps) and 0 < bps <= MOST_AUTHOR_BPS):
        raise InvalidValue(
            f"--author cannot be {text[:60]!r}: want ADDRESS:PERCENT, over 0 and at most 10, in hundredths"
        )
    return _address("--author", who), int(bps)


def _address(option: str, text: str) -> Address:
    try:
        value = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        value = b""
    if len(value) != 20:
        raise InvalidValue(f"{option} cannot be {text[:60]!r}: want 0x and 40 hex digits")
    return Address(value)
