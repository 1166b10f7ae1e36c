"""Users who create, deploy, cancel, stop, start, scale and delete services, all at once and none too careful."""

from collections.abc import Callable
from random import Random
from threading import Event, Thread
from typing import Any

from tests.chaos.asking import Asked, Entrance, Known, Ledger, Visitor
from tests.chaos.fixtures import Goods

_MOST, _FEWEST = 9, 4
_OFTEN = {
    "create": 4,
    "deploy": 5,
    "cancel": 3,
    "stop": 2,
    "start": 3,
    "restart": 1,
    "scale": 2,
    "rollback": 1,
    "delete": 2,
}
_THINKING = (0.1, 0.9)


class Actor:
    """One user, in a thread of its own; what it does next depends on the seed, and on what there is."""

    def __init__(self, number: int, seed: int, ledger: Ledger, goods: Goods, entrance: Entrance) -> None:
        self._chance = Random(f"{seed}/{number}")
        self._ledger = ledger
        self._goods = goods
        self._done, self._giving_up = Event(), Event()
        self._visitor = Visitor(entrance, self._chance, self._giving_up)
        self._name = f"a{number}"
        self._made = 0
        self.thread = Thread(target=self._run, name=f"actor {number}", daemon=True)

    def finish(self) -> None:
        """Ask for nothing more, but wait for what was asked."""
        self._done.set()

    def give_up(self) -> None:
        """Do not wait any more."""
        self._giving_up.set()
        self.thread.join()
        self._visitor.close()

    def _run(self) -> None:
        while not self._done.wait(self._chance.uniform(*_THINKING)):
            self._act()

    def _act(self) -> None:
        living = self._ledger.living()
        act = self._chance.choices(list(_OFTEN), list(_OFTEN.values()))[0]
        if len(living) < _FEWEST or (act == "create" and len(living) < _MOST):
            self._create()
        elif act != "create" and living:
            _ACTS[act](self, self._chance.choice(living))

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None, *, once: bool = False) -> Asked:
        return self._visitor.ask(self._ledger.new(method, path, body, once=once))

    def _create(self) -> None:
        self._made += 1
        body = self._goods.new(f"{self._name}-{self._made}", self._chance)
        asked = self._ask("POST", "/services", body, once=True)
        if asked.status == 201:
            self._ledger.services[asked.answer["id"]] = Known(
                asked.answer["id"], writes="volumes" in body.get("compose", "")
            )

    def _deploy(self, known: Known) -> None:
        again = known.writes or self._chance.random() < 0.3
        changes = {} if again else {"image": self._goods.any(self._chance)}
        self._ask("POST", f"/services/{known.id}/deploy", changes, once=True)

    def _cancel(self, known: Known) -> None:
        asked = self._ask("GET", f"/services/{known.id}")
        if asked.status == 200 and asked.answer["operation_id"]:
            self._ask("POST", f"/operations/{asked.answer['operation_id']}/cancel", once=True)

    def _stop(self, known: Known) -> None:
        self._ask("POST", f"/services/{known.id}/stop", {"grace_seconds": 1}, once=True)

    def _start(self, known: Known) -> None:
        self._ask("POST", f"/services/{known.id}/start", once=True)

    def _restart(self, known: Known) -> None:
        self._ask("POST", f"/services/{known.id}/restart", once=True)

    def _scale(self, known: Known) -> None:
        size = {"memory_limit_mb": 64} if known.writes else {"replicas": self._chance.randint(1, 2)}
        self._ask("PUT", f"/services/{known.id}/scale", size)

    def _rollback(self, known: Known) -> None:
        self._ask("POST", f"/services/{known.id}/rollback", {}, once=True)

    def _delete(self, known: Known) -> None:
        asked = known.deleted = self._ledger.new("DELETE", f"/services/{known.id}?volumes=delete")
        self._visitor.ask(asked)


_ACTS: dict[str, Callable[[Actor, Known], None]] = {
    "deploy": Actor._deploy,
    "cancel": Actor._cancel,
    "stop": Actor._stop,
    "start": Actor._start,
    "restart": Actor._restart,
    "scale": Actor._scale,
    "rollback": Actor._rollback,
    "delete": Actor._delete,
}
