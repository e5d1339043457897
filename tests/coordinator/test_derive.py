from tegula_coordinator.derive import Derive
from tegula_market.model import Address, LeaseId, WorkerId

ANN, BOB = WorkerId(b"\x01" * 32), WorkerId(b"\x02" * 32)


def test_a_restart_derives_the_same() -> None:
    assert Derive(b"k" * 32).salt(LeaseId("a/0/1")) == Derive(b"k" * 32).salt(LeaseId("a/0/1"))
    assert Derive(b"k" * 32).worker_of(Derive(b"k" * 32).blob_token(ANN)) == ANN


def test_another_secret_lease_or_worker_derives_something_else() -> None:
    derive = Derive(b"k" * 32)
    salts = {
        derive.salt(LeaseId("a/0/1")),
        derive.salt(LeaseId("a/0/2")),
        Derive(b"l" * 32).salt(LeaseId("a/0/1")),
    }
    assert len(salts) == 3
    assert derive.blob_token(ANN) != derive.blob_token(BOB)
    assert Derive(b"l" * 32).worker_of(derive.blob_token(ANN)) is None


def test_no_token_that_was_not_given_out_is_taken() -> None:
    derive = Derive(b"k" * 32)
    _, _, mac = derive.blob_token(ANN).partition(".")
    for forged in (
        "",
        ".",
        "zz.zz",
        f"{BOB.hex()}.{mac}",
        f"{ANN.hex()}.",
        "ä.ä",
        derive.blob_token(ANN) + "0",
    ):
        assert derive.worker_of(forged) is None


def test_an_account_s_token_is_for_that_account_and_time_alone() -> None:
    derive, account = Derive(b"k" * 32), Address(b"\x01" * 20)
    token = derive.account_token(account, 1_700_000_000)
    assert Derive(b"k" * 32).account_of(token) == (account, 1_700_000_000)
    assert Derive(b"l" * 32).account_of(token) is None
    assert derive.worker_of(token) is None
    assert derive.account_of(derive.blob_token(ANN)) is None
    for forged in (
        "",
        "..",
        "zz.1.zz",
        token + "0",
        token.replace("1700000000", "1800000000"),
        token.replace("1700000000", "01700000000"),
        token.replace("1700000000", "1_700_000_000"),
        token.replace("01", "02", 1),
        token.upper(),
        "ä" + token,
    ):
        assert derive.account_of(forged) is None, forged
