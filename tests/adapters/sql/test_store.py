"""Blocks: what is kept, what is seen, what is refused, and what happens when the database goes away."""

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


def test_an_exception_undoes_the_block(store: Store):
    kept = service("kept")
    with store.begin() as work:
        work.services.add(kept)

    def fail() -> None:
        with store.begin() as work:
            work.services.add(service("lost"))
            work.services.remove(kept.id)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.read() as work:
        assert work.services.get(kept.id) == kept
        assert not named(work, "lost")


def test_a_dry_run_sees_its_effect_and_leaves_none(store: Store):
    tried = service()
    with store.begin(dry_run=True) as work:
        work.services.add(tried)
        assert work.services.get(tried.id) == tried
    with store.read() as work:
        assert work.services.get(tried.id) is None


def test_a_read_block_cannot_write(store: Store):
    tried = service()
    with store.read() as work, pytest.raises(RuntimeError):
        work.services.add(tried)
    with store.read() as work:
        assert work.services.get(tried.id) is None


def test_the_database_itself_refuses_to_write_in_a_read_block(store: Store):
    def write() -> None:
        with store.read() as work:
            work.services._journal = Journal()
            work.services.add(service())

    with pytest.raises((InternalError, errors.Unavailable)) as refused:
        write()
    assert "only" in str(refused.value.__cause__)


def test_a_read_block_is_one_snapshot(store: Store):
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


def test_what_get_answers_is_locked_until_the_block_ends(store: Store, open_again: Callable[[], Store]):
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


def test_blocks_do_not_nest(store: Store, open_again: Callable[[], Store]):
    for outer in (store.begin, store.read):
        for inner in (store.begin, store.read, open_again().begin):
            with outer(), pytest.raises(RuntimeError), inner():
                pass


def test_a_thread_knows_whether_it_is_inside_a_block(store: Store):
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


def test_many_threads_read_and_write_at_once(store: Store):
    faults: list[BaseException] = []

    def work_on(number: int) -> None:
        try:
            for turn in range(5):
                with store.begin() as work:
                    work.services.add(service(f"{number}-{turn}"))
                with store.read() as work:
                    assert named(work, f"{number}-{turn}")
        except BaseException as fault:  # noqa: BLE001 - whatever it is, the test fails with it
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


def test_ping_is_silent_while_the_database_answers(store: Store):
    store.ping()


@pytest.mark.parametrize(
    "url", ["mysql://localhost/x", "sqlite://", "sqlite:///", "nonsense", "", "sqlite:///:memory:"]
)
def test_a_url_of_no_known_database_is_refused_with_an_example(url: str, vault: Vault):
    with pytest.raises(errors.Unavailable, match="sqlite:////path"):
        open_store(url, vault)


@pytest.mark.parametrize(
    "url", ["postgresql://u:s3cret@127.0.0.1:1/x", "postgres://u:s3cret@127.0.0.1:1/x", "sqlite:////proc/no/x.db"]
)
def test_a_database_that_cannot_be_reached_is_named_without_its_password(url: str, vault: Vault):
    with pytest.raises(errors.Unavailable) as refused:
        open_store(url, vault)
    assert refused.value.code == "database_unavailable"
    assert "127.0.0.1" in refused.value.message or "/proc/no/x.db" in refused.value.message
    assert "s3cret" not in refused.value.message


def test_a_file_that_is_no_database_is_refused(tmp_path: Path, vault: Vault):
    (tmp_path / "panel.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(errors.Unavailable, match="not a database"):
        open_store(f"sqlite:///{tmp_path}/panel.db", vault)


def test_the_database_file_is_for_its_owner_alone(sqlite_url: str, tmp_path: Path, vault: Vault):
    store = open_store(sqlite_url, vault)
    with store.begin() as work:
        work.services.add(service())
        assert {file.stat().st_mode & 0o777 for file in tmp_path.glob("panel.db*")} == {0o600}
    store.close()


def test_what_was_answered_survives_a_loss_of_power(sqlite_url: str, vault: Vault):
    store = open_store(sqlite_url, vault)
    for engine in (store._engines.write, store._engines.read):  # type: ignore[attr-defined]
        with engine.connect() as connection:
            asked = ("journal_mode", "synchronous", "foreign_keys")
            answers = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]
        assert answers == ["wal", 2, 1]
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
def test_a_connection_lost_inside_a_block_makes_the_database_unavailable_for_that_block(
    postgres_url: str, vault: Vault
):
    store = open_store(postgres_url, vault)
    added = service()

    def lose(*, then_ask: bool) -> None:
        with store.begin() as work:
            work.services.add(added)
            _end_connections(postgres_url)
            if then_ask:
                work.services.get(added.id)

    for then_ask in (True, False):
        with pytest.raises(errors.Unavailable) as refused:
            lose(then_ask=then_ask)
        assert refused.value.code == "database_unavailable"
    with store.read() as work:
        assert work.services.get(added.id) is None
    assert not in_transaction()
    store.close()


@pytest.fixture
def own_server() -> Iterator[tuple[str, Callable[[str], None]]]:
    """A server of this test alone, which it may stop and start."""
    script = Path(__file__).parents[3] / "scripts" / "postgres"
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)

        def tell(*words: str) -> str:
            done = subprocess.run([script, *words, folder], check=True, stdout=subprocess.PIPE, text=True)
            return done.stdout.strip()

        url = tell()
        try:
            yield url, tell
        finally:
            tell("stop")


@pytest.mark.postgres
def test_a_server_that_goes_away_is_unavailable_until_it_is_back(
    own_server: tuple[str, Callable[..., str]], vault: Vault
):
    url, tell = own_server
    store = open_store(url, vault)
    store.ping()
    tell("stop")
    for block in (store.begin, store.read):
        with pytest.raises(errors.Unavailable) as refused, block():
            pass
        assert refused.value.code == "database_unavailable"
    with pytest.raises(errors.Unavailable):
        store.ping()
    tell()
    store.ping()
    with store.begin() as work:
        work.services.add(service())
    store.close()
