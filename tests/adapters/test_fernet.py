"""The vault and its key file."""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from domain import errors
from domain.adapters.fernet import Vault


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "secrets.key"


def seal(key_file: Path) -> str:
    return Vault(key_file).encrypt("word")


def put(key_file: Path, content: str, mode: int = 0o600) -> None:
    key_file.parent.mkdir(exist_ok=True)
    key_file.write_text(content)
    key_file.chmod(mode)


@pytest.mark.parametrize("plain", ["", "word", "Grüße ☃ \x00\n", "x" * 100_000])
def test_what_is_sealed_opens_again_and_is_not_readable_meanwhile(key_file: Path, plain: str):
    vault = Vault(key_file)
    sealed = vault.encrypt(plain)
    assert vault.decrypt(sealed) == plain
    assert plain == "" or plain not in sealed
    assert vault.encrypt(plain) != sealed


def test_the_key_file_is_made_for_the_owner_alone_whatever_the_umask(key_file: Path):
    old = os.umask(0)
    try:
        Vault(key_file)
    finally:
        os.umask(old)
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in key_file.parent.iterdir()] == [key_file.name]


def test_a_restart_opens_what_was_sealed_before(key_file: Path):
    assert Vault(key_file).decrypt(seal(key_file)) == "word"


def test_processes_that_start_at_once_end_with_the_same_key(key_file: Path):
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        sealed = list(pool.map(seal, [key_file] * 8))
    assert {Vault(key_file).decrypt(one) for one in sealed} == {"word"}
    assert len(key_file.read_text().split()) == 1


def test_losing_the_race_for_the_key_file_takes_the_winners_key(key_file: Path, monkeypatch: pytest.MonkeyPatch):
    sealed = seal(key_file)
    monkeypatch.setattr(Path, "exists", lambda self: False)
    assert Vault(key_file).decrypt(sealed) == "word"


def test_a_new_key_on_top_seals_and_the_old_one_still_opens(key_file: Path):
    sealed, old = seal(key_file), key_file.read_text()
    new = Fernet.generate_key().decode()
    put(key_file, f"{new}\n{old}")
    vault = Vault(key_file)
    assert vault.decrypt(sealed) == "word"
    put(key_file, new)
    assert Vault(key_file).decrypt(vault.encrypt("next")) == "next"


def test_a_secret_of_a_lost_key_is_refused_with_what_to_do(key_file: Path):
    sealed = seal(key_file)
    put(key_file, Fernet.generate_key().decode())
    with pytest.raises(errors.Unavailable, match=r"Add the lost key to .*secrets\.key") as caught:
        Vault(key_file).decrypt(sealed)
    assert caught.value.code == "secrets_unreadable"
    assert sealed not in caught.value.message


@pytest.mark.parametrize("token", ["", "gAAAA", "not a token", "☃", "x" * 1000])
def test_what_was_never_sealed_is_refused_the_same_way(key_file: Path, token: str):
    with pytest.raises(errors.Unavailable) as caught:
        Vault(key_file).decrypt(token)
    assert caught.value.code == "secrets_unreadable"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_that_others_can_read_is_refused(key_file: Path, mode: int):
    put(key_file, Fernet.generate_key().decode(), mode)
    with pytest.raises(errors.Unavailable, match=r"chmod 600 .*secrets\.key") as caught:
        Vault(key_file)
    assert caught.value.code == "secrets_unreadable"


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "empty"), ("\n \n", "empty"), ("tooshort\n", "Key 1 of"), ("☃", "cannot be read")],
)
def test_a_broken_key_file_is_refused_and_left_alone(key_file: Path, content: str, message: str):
    put(key_file, content)
    with pytest.raises(errors.Unavailable, match=message):
        Vault(key_file)
    assert key_file.read_text() == content


def test_a_broken_second_key_is_named_by_its_place_and_not_shown(key_file: Path):
    put(key_file, f"{Fernet.generate_key().decode()}\ncanary\n")
    with pytest.raises(errors.Unavailable, match="Key 2 of") as caught:
        Vault(key_file)
    assert "canary" not in caught.value.message
