"""Transactions: commit, rollback, isolation, nesting, and databases that become unavailable."""

import errno
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import InternalError

from domain import errors
from domain.adapters.sql import engines
from domain.adapters.sql.journal import Journal
from domain.adapters.sql.store import open_store
from domain.ports.store import Store
from domain.ports.transactions import in_transaction
from domain.ports.vault import Vault
from tests.adapters.sql.entities import named, service


def test_an_exception_rolls_the_transaction_back(store: Store):
    stored = service("stored")
    with store.begin() as work:
        work.services.add(stored)

    def fail() -> None:
        with store.begin() as work:
            work.services.add(service("lost"))
            work.services.remove(stored.id)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.read() as work:
        assert work.services.get(stored.id) == stored
        assert not named(work, "lost")


def test_a_dry_run_sees_its_changes_and_rolls_them_back(store: Store):
    added = service()
    with store.begin(dry_run=True) as work:
        work.services.add(added)
        assert work.services.get(added.id) == added
    with store.read() as work:
        assert work.services.get(added.id) is None


def test_a_read_transaction_cannot_write(store: Store):
    added = service()
    with store.read() as work, pytest.raises(RuntimeError):
        work.services.add(added)
    with store.read() as work:
        assert work.services.get(added.id) is None


def test_the_database_itself_refuses_writes_in_a_read_transaction(store: Store):
    def write() -> None:
        with store.read() as work:
            work.services._journal = Journal()
            work.services.add(service())

    with pytest.raises((InternalError, errors.Unavailable)) as refused:
        write()
    assert "only" in str(refused.value.__cause__)


def test_a_read_transaction_is_one_snapshot(store: Store):
    added = service()

    def add() -> None:
        with store.begin() as work:
            work.services.add(added)

    with store.read() as work:
        assert not work.api_keys.any()
        other = threading.Thread(target=add)
        other.start()
        other.join()
        assert work.services.get(added.id) is None
    with store.read() as work:
        assert work.services.get(added.id) == added


def test_get_locks_the_row_until_the_transaction_ends(store: Store, open_again: Callable[[], Store]):
    counted = service(labels={"n": "0"})
    with store.begin() as work:
        work.services.add(counted)

    def count(through: Store) -> None:
        for _ in range(10):
            with through.begin() as work:
                found = work.services.get(counted.id)
                assert found is not None
                found.labels = {"n": str(int(found.labels["n"]) + 1)}
                work.services.save(found)

    threads = [
        threading.Thread(target=count, args=(through,)) for through in (store, store, open_again(), open_again())
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as work:
        found = work.services.get(counted.id)
    assert found is not None
    assert (found.labels, found.revision) == ({"n": "40"}, 41)


def test_transactions_do_not_nest(store: Store, open_again: Callable[[], Store]):
    for outer in (store.begin, store.read):
        for inner in (store.begin, store.read, open_again().begin):
            with outer(), pytest.raises(RuntimeError), inner():
                pass


def test_in_transaction_is_true_in_the_thread_of_a_transaction_only(store: Store):
    seen: list[bool] = []
    assert not in_transaction()
    for block in (store.begin, store.read):
        with block():
            assert in_transaction()
            other = threading.Thread(target=lambda: seen.append(in_transaction()))
            other.start()
            other.join()
        assert not in_transaction()
    with pytest.raises(ZeroDivisionError), store.begin():
        raise ZeroDivisionError
    assert not in_transaction()
    assert seen == [False, False]


def test_many_threads_can_read_and_write_in_parallel(store: Store):
    faults: list[BaseException] = []

    def work_on(number: int) -> None:
        try:
            for step in range(5):
                with store.begin() as work:
                    work.services.add(service(f"{number}-{step}"))
                with store.read() as work:
                    assert named(work, f"{number}-{step}")
        except BaseException as fault:  # noqa: BLE001 - every exception fails the test
            faults.append(fault)

    threads = [threading.Thread(target=work_on, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_the_installation_keeps_its_id(store: Store, open_again: Callable[[], Store]):
    assert store.instance.startswith("ins_")
    assert open_again().instance == store.instance


def test_ping_succeeds_if_the_database_is_available(store: Store):
    store.ping()


@pytest.mark.parametrize(
    "url", ["mysql://localhost/x", "sqlite://", "sqlite:///", "nonsense", "", "sqlite:///:memory:"]
)
def test_a_url_of_an_unsupported_database_is_refused_with_an_example(url: str, vault: Vault):
    with pytest.raises(errors.Unavailable, match="sqlite:////path"):
        open_store(url, vault)


@pytest.mark.parametrize(
    "url", ["postgresql://u:s3cret@127.0.0.1:1/x", "postgres://u:s3cret@127.0.0.1:1/x", "sqlite:////proc/no/x.db"]
)
def test_an_unreachable_database_is_named_without_its_password(url: str, vault: Vault):
    with pytest.raises(errors.Unavailable) as refused:
        open_store(url, vault)
    assert refused.value.code == "database_unavailable"
    assert "127.0.0.1" in refused.value.message or "/proc/no/x.db" in refused.value.message
    assert "s3cret" not in refused.value.message


def test_a_file_that_is_not_a_database_is_refused(tmp_path: Path, vault: Vault):
    (tmp_path / "panel.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(errors.Unavailable, match="not a database"):
        open_store(f"sqlite:///{tmp_path}/panel.db", vault)


def test_the_database_files_are_readable_by_their_owner_only(sqlite_url: str, tmp_path: Path, vault: Vault):
    store = open_store(sqlite_url, vault)
    with store.begin() as work:
        work.services.add(service())
        assert {file.stat().st_mode & 0o777 for file in tmp_path.glob("panel.db*")} == {0o600}
    store.close()


def test_a_committed_change_survives_a_power_failure(sqlite_url: str, vault: Vault, monkeypatch: pytest.MonkeyPatch):
    store = open_store(sqlite_url, vault)
    for engine in (store._engines.write, store._engines.read):  # type: ignore[attr-defined]
        with engine.connect() as connection:
            pragmas = ("journal_mode", "synchronous", "foreign_keys")
            values = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas]
        assert values == ["wal", 1, 1], "the log is synced by the store, and by SQLite before it is copied"
    synced: list[bytes] = []

    def sync(file: int) -> None:
        synced.append(Path(f"/proc/self/fd/{file}").resolve().read_bytes())

    monkeypatch.setattr(os, "fdatasync", sync)
    with store.begin() as work:
        work.services.add(service(name="durable"))
        assert not synced
    assert b"durable" in synced[-1]
    store.close()


def test_a_disk_that_fails_to_keep_a_change_is_named(sqlite_url: str, vault: Vault, monkeypatch: pytest.MonkeyPatch):
    store = open_store(sqlite_url, vault)

    def fail(_file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fail)
    with pytest.raises(errors.Unavailable, match="The disk of the database reports errors"), store.begin() as work:
        work.services.add(service())
    store.close()


def test_a_database_that_stays_locked_is_unavailable(sqlite_url: str, vault: Vault, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engines, "LOCK_TIMEOUT", 0.2)
    one, other = open_store(sqlite_url, vault), open_store(sqlite_url, vault)
    refused: list[BaseException] = []

    def write(through: Store) -> None:
        try:
            with through.begin() as work:
                work.services.add(service())
        except errors.Unavailable as refusal:
            refused.append(refusal)

    with one.begin():
        for through in (one, other):
            thread = threading.Thread(target=write, args=(through,))
            thread.start()
            thread.join()
    assert [refusal.code for refusal in refused] == ["database_unavailable"] * 2  # type: ignore[attr-defined]
    one.close()
    other.close()


def _end_connections(postgres_url: str) -> None:
    with psycopg.connect(os.environ["PANEL_TEST_POSTGRES"], autocommit=True) as connection:
        name = postgres_url.partition("application_name=")[2].partition("&")[0]
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", [name])


@pytest.mark.postgres
def test_lost_connections_are_replaced(postgres_url: str, vault: Vault):
    store = open_store(postgres_url, vault)
    store.ping()
    _end_connections(postgres_url)
    with store.begin() as work:
        work.services.add(service())
    store.close()


@pytest.mark.postgres
def test_a_connection_lost_in_a_transaction_makes_the_database_unavailable_for_it(postgres_url: str, vault: Vault):
    store = open_store(postgres_url, vault)
    added = service()

    def lose(*, then_query: bool) -> None:
        with store.begin() as work:
            work.services.add(added)
            _end_connections(postgres_url)
            if then_query:
                work.services.get(added.id)

    for then_query in (True, False):
        with pytest.raises(errors.Unavailable) as refused:
            lose(then_query=then_query)
        assert refused.value.code == "database_unavailable"
    with store.read() as work:
        assert work.services.get(added.id) is None
    assert not in_transaction()
    store.close()


@pytest.fixture
def own_server() -> Iterator[tuple[str, Callable[[str], None]]]:
    """Start a PostgreSQL server for one test. Yield its URL and a function that runs `scripts/postgres`."""
    script = Path(__file__).parents[3] / "scripts" / "postgres"
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)

        def run_script(*words: str) -> str:
            process = subprocess.run([script, *words, folder], check=True, stdout=subprocess.PIPE, text=True)
            return process.stdout.strip()

        url = run_script()
        try:
            yield url, run_script
        finally:
            run_script("stop")


@pytest.mark.postgres
def test_a_stopped_server_is_unavailable_until_it_is_started(own_server: tuple[str, Callable[..., str]], vault: Vault):
    url, run_script = own_server
    store = open_store(url, vault)
    store.ping()
    run_script("stop")
    for block in (store.begin, store.read):
        with pytest.raises(errors.Unavailable) as refused, block():
            pass
        assert refused.value.code == "database_unavailable"
    with pytest.raises(errors.Unavailable):
        store.ping()
    run_script()
    store.ping()
    with store.begin() as work:
        work.services.add(service())
    store.close()
