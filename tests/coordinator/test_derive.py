from tegula_coordinator.derive import Derive
from tegula_market.model import LeaseId, WorkerId

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
