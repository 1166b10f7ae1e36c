"""A campaign: a panel in parts does its work while parts are killed. `python -m tests.chaos.campaign`."""

import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import click

from tests.chaos import faults, telling
from tests.chaos.actors import Actor
from tests.chaos.asking import Ledger
from tests.chaos.faults import Fault
from tests.chaos.finding import Finding
from tests.chaos.fixtures import Goods
from tests.chaos.monitor import Lookout
from tests.chaos.parts import House
from tests.chaos.verdict import Evidence, counted, judged, tails
from tests.chaos.watchers import Watcher, Watchers

_ACTORS, _WATCHERS = 6, 12
_LAST_ANSWERS = 60.0


@dataclass
class Campaign:
    """One run; `done` counts what befell each part."""

    folder: Path
    seed: int
    seconds: float
    tell: telling.Telling
    done: "Counter[str]" = field(default_factory=Counter)
    ledger: Ledger = field(default_factory=Ledger)

    def __post_init__(self) -> None:
        self.house = House(self.folder)

    def run(self) -> list[Finding]:
        """Everything that was looked into afterwards, be it well or not."""
        with self._opened():
            watchers, lookout, actors = self._watchers(), self._lookout(), self._actors()
            watchers.start()
            lookout.start()
            for actor in actors:
                actor.thread.start()
            self._strike(watchers)
            self._calm(actors)
            findings = self._judged(Evidence(self.house, self.ledger, watchers, lookout))
            watchers.stop()
            lookout.stop()
        return findings

    @contextmanager
    def _opened(self) -> Iterator[None]:
        try:
            self.tell.line("starting an engine, PostgreSQL, Redis and six processes of the panel")
            self.house.open()
            yield
        finally:
            self.house.close()

    def _watchers(self) -> Watchers:
        keys = {"admin": self.house.key, "cust_a": self.house.customer_key("cust_a")}
        names = [f"{list(keys)[number % 2]} {number}" for number in range(_WATCHERS)]
        all_ = [Watcher(name, keys[name.split()[0]]) for name in names]
        return Watchers(self.house.doors, all_, random.Random(self.seed))

    def _lookout(self) -> Lookout:
        return Lookout(self.house.servers["engine"].export("DOCKER_HOST"))

    def _actors(self) -> list[Actor]:
        engine = self.house.servers["engine"]
        goods = Goods.pushed(engine.export("DOCKER_HOST"), engine.export("PANEL_TEST_REGISTRY"))
        entrance = (self.house.doors, self.house.key)
        return [Actor(number, self.seed, self.ledger, goods, entrance) for number in range(1, _ACTORS + 1)]

    def _strike(self, watchers: Watchers) -> None:
        """Do what was planned, each at its time; what is down already is left alone."""
        began = time.monotonic()
        planned = faults.plan(self.seed, self.seconds)
        while (now := time.monotonic() - began) < self.seconds:
            while planned and planned[0].at <= now:
                self._befall(planned.pop(0), now)
            self.tell.progress(now, len(self.ledger.answered), sum(one.cuts for one in watchers.all), self.house.down)
            time.sleep(0.2)

    def _befall(self, fault: Fault, now: float) -> None:
        if fault.part in self.house.down:
            return
        self.tell.line(f"{now:6.1f} s  {fault.told}, for {fault.away:.1f} s")
        self.done[fault.told] += 1
        Thread(target=self._suffer, args=(fault,), name=fault.told, daemon=True).start()

    def _suffer(self, fault: Fault) -> None:
        if fault.freezes:
            self.house.freeze(fault.part, fault.away)
            return
        self.house.kill(fault.part)
        time.sleep(fault.away)
        self.house.bring_back(fault.part)

    def _calm(self, actors: list[Actor]) -> None:
        self.tell.line("everything is brought up again")
        for actor in actors:
            actor.finish()
        self.house.wait_until_whole()
        deadline = time.monotonic() + _LAST_ANSWERS
        for actor in actors:
            actor.thread.join(max(0.0, deadline - time.monotonic()))
        for actor in actors:
            actor.give_up()

    def _judged(self, evidence: Evidence) -> list[Finding]:
        findings = []
        for finding in judged(evidence):
            self.tell.finding(finding)
            findings.append(finding)
        self.tell.summary(self.done, self.ledger, evidence.watchers.all, self.house)
        for line in counted(self.house):
            self.tell.line(line)
        if any(finding.wrong for finding in findings):
            self.tell.line(f"the ends of all logs are in {tails(self.house)}")
        return findings


@click.command()
@click.option("--seconds", default=60.0, show_default=True, help="How long parts are killed.")
@click.option("--seed", type=int, envvar="CHAOS_SEED", help="Repeats what is done, and when.")
def main(seconds: float, seed: int | None) -> None:
    """Start everything, let it suffer, and say what is wrong afterwards."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds, so that nothing is left running
    seed = random.getrandbits(32) if seed is None else seed
    click.echo(f"A campaign of {seconds:g} s with seed {seed}: CHAOS_SEED={seed} repeats it")
    began = time.monotonic()
    with _kept_when_wrong() as folder, telling.Telling() as tell:
        findings = Campaign(folder, seed, seconds, tell).run()
        wrong = [finding for finding in findings if finding.wrong]
        tell.line(f"{len(findings)} sentences, {len(wrong)} of them wrong, in {time.monotonic() - began:.0f} s")
        if wrong:
            raise click.exceptions.Exit(1)


@contextmanager
def _kept_when_wrong() -> Iterator[Path]:
    """A folder for everything; after a campaign that ended well, or was ended, nobody needs it any more."""
    folder = Path(tempfile.mkdtemp(prefix="panel-chaos."))  # a short name: sockets live in it
    folder.chmod(0o755)  # PostgreSQL runs as a user of its own
    try:
        yield folder
    except Exception:
        click.echo(f"What is left of it is in {folder}")
        raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
