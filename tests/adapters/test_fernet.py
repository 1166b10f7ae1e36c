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


def encrypt_word(key_file: Path) -> str:
    return Vault(key_file).encrypt("word")


def write_key_file(key_file: Path, content: str, mode: int = 0o600) -> None:
    key_file.parent.mkdir(exist_ok=True)
    key_file.write_text(content)
    key_file.chmod(mode)


@pytest.mark.parametrize("plain", ["", "word", "Grüße ☃ \x00\n", "x" * 100_000])
def test_encrypted_text_is_not_readable_and_can_be_decrypted(key_file: Path, plain: str):
    vault = Vault(key_file)
    sealed = vault.encrypt(plain)
    assert vault.decrypt(sealed) == plain
    assert plain == "" or plain not in sealed
    assert vault.encrypt(plain) != sealed


def test_the_key_file_is_readable_by_its_owner_only_with_any_umask(key_file: Path):
    old = os.umask(0)
    try:
        Vault(key_file)
    finally:
        os.umask(old)
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in key_file.parent.iterdir()] == [key_file.name]


def test_secrets_can_be_decrypted_after_a_restart(key_file: Path):
    assert Vault(key_file).decrypt(encrypt_word(key_file)) == "word"


def test_processes_that_start_in_parallel_use_the_same_key(key_file: Path):
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        sealed = list(pool.map(encrypt_word, [key_file] * 8))
    assert {Vault(key_file).decrypt(token) for token in sealed} == {"word"}
    assert len(key_file.read_text().split()) == 1


def test_a_process_that_loses_the_race_for_the_key_file_uses_the_winners_key(
    key_file: Path, monkeypatch: pytest.MonkeyPatch
):
    sealed = encrypt_word(key_file)
    monkeypatch.setattr(Path, "exists", lambda self: False)
    assert Vault(key_file).decrypt(sealed) == "word"


def test_the_first_key_encrypts_and_the_other_keys_still_decrypt(key_file: Path):
    sealed, old = encrypt_word(key_file), key_file.read_text()
    new = Fernet.generate_key().decode()
    write_key_file(key_file, f"{new}\n{old}")
    vault = Vault(key_file)
    assert vault.decrypt(sealed) == "word"
    write_key_file(key_file, new)
    assert Vault(key_file).decrypt(vault.encrypt("next")) == "next"


def test_a_secret_of_a_lost_key_is_refused_with_the_next_step(key_file: Path):
    sealed = encrypt_word(key_file)
    write_key_file(key_file, Fernet.generate_key().decode())
    with pytest.raises(errors.Unavailable, match=r"Add the lost key to .*secrets\.key") as caught:
        Vault(key_file).decrypt(sealed)
    assert caught.value.code == "secrets_unreadable"
    assert sealed not in caught.value.message


@pytest.mark.parametrize("token", ["", "gAAAA", "not a token", "☃", "x" * 1000])
def test_text_that_was_not_encrypted_is_refused_in_the_same_way(key_file: Path, token: str):
    with pytest.raises(errors.Unavailable) as caught:
        Vault(key_file).decrypt(token)
    assert caught.value.code == "secrets_unreadable"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_that_others_can_read_is_refused(key_file: Path, mode: int):
    write_key_file(key_file, Fernet.generate_key().decode(), mode)
    with pytest.raises(errors.Unavailable, match=r"chmod 600 .*secrets\.key") as caught:
        Vault(key_file)
    assert caught.value.code == "secrets_unreadable"


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "empty"), ("\n \n", "empty"), ("tooshort\n", "Key 1 of"), ("☃", "cannot be read")],
)
def test_an_invalid_key_file_is_refused_and_not_changed(key_file: Path, content: str, message: str):
    write_key_file(key_file, content)
    with pytest.raises(errors.Unavailable, match=message):
        Vault(key_file)
    assert key_file.read_text() == content


def test_an_invalid_second_key_is_named_by_its_line_and_not_shown(key_file: Path):
    write_key_file(key_file, f"{Fernet.generate_key().decode()}\ncanary\n")
    with pytest.raises(errors.Unavailable, match="Key 2 of") as caught:
        Vault(key_file)
    assert "canary" not in caught.value.message
