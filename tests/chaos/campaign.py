"""Run a distributed panel under load, kill its parts, then check it. `python -m tests.chaos.campaign`."""

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

from tests.chaos import console_report, faults
from tests.chaos.check_result import CheckResult
from tests.chaos.checks import RunRecord, run_checks, save_log_tails, statistics
from tests.chaos.client import RequestLog
from tests.chaos.faults import Fault
from tests.chaos.fixtures import ImageFixtures
from tests.chaos.monitor import EngineMonitor
from tests.chaos.parts import Cluster
from tests.chaos.users import SimulatedUser
from tests.chaos.watchers import Watcher, Watchers

_USERS, _WATCHERS = 6, 12
_LAST_RESPONSES = 60.0


@dataclass
class Campaign:
    """One run; `done` counts the faults."""

    folder: Path
    seed: int
    seconds: float
    report: console_report.ConsoleReport
    done: "Counter[str]" = field(default_factory=Counter)
    request_log: RequestLog = field(default_factory=RequestLog)

    def __post_init__(self) -> None:
        self.cluster = Cluster(self.folder)

    def run(self) -> list[CheckResult]:
        """Run the campaign and return the results of all checks."""
        with self._run_cluster():
            watchers, monitor, users = self._create_watchers(), self._create_monitor(), self._create_users()
            watchers.start()
            monitor.start()
            for user in users:
                user.thread.start()
            self._inject_faults(watchers)
            self._recover(users)
            results = self._check(RunRecord(self.cluster, self.request_log, watchers, monitor))
            watchers.stop()
            monitor.stop()
        return results

    @contextmanager
    def _run_cluster(self) -> Iterator[None]:
        try:
            self.report.line("starting the engine, PostgreSQL, Redis and six processes of the panel")
            self.cluster.open()
            yield
        finally:
            self.cluster.close()

    def _create_watchers(self) -> Watchers:
        keys = {"admin": self.cluster.key, "cust_a": self.cluster.create_customer_key("cust_a")}
        names = [f"{list(keys)[number % 2]} {number}" for number in range(_WATCHERS)]
        all_ = [Watcher(name, keys[name.split()[0]]) for name in names]
        return Watchers(self.cluster.api_ports, all_, random.Random(self.seed))

    def _create_monitor(self) -> EngineMonitor:
        return EngineMonitor(self.cluster.servers["engine"].export("DOCKER_HOST"))

    def _create_users(self) -> list[SimulatedUser]:
        engine = self.cluster.servers["engine"]
        images = ImageFixtures.push(engine.export("DOCKER_HOST"), engine.export("PANEL_TEST_REGISTRY"))
        endpoint = (self.cluster.api_ports, self.cluster.key)
        return [SimulatedUser(number, self.seed, self.request_log, images, endpoint) for number in range(1, _USERS + 1)]

    def _inject_faults(self, watchers: Watchers) -> None:
        """Start the planned faults at their times; skip parts that are down already."""
        started_at = time.monotonic()
        plan = faults.plan(self.seed, self.seconds)
        while (now := time.monotonic() - started_at) < self.seconds:
            while plan and plan[0].at <= now:
                self._start_fault(plan.pop(0), now)
            self.report.progress(
                now, len(self.request_log.completed), sum(watcher.cuts for watcher in watchers.all), self.cluster.down
            )
            time.sleep(0.2)

    def _start_fault(self, fault: Fault, now: float) -> None:
        if fault.part in self.cluster.down:
            return
        self.report.line(f"{now:6.1f} s  {fault.description}, for {fault.outage:.1f} s")
        self.done[fault.description] += 1
        Thread(target=self._apply, args=(fault,), name=fault.description, daemon=True).start()

    def _apply(self, fault: Fault) -> None:
        if fault.freezes:
            self.cluster.freeze(fault.part, fault.outage)
            return
        self.cluster.kill(fault.part)
        time.sleep(fault.outage)
        self.cluster.restore(fault.part)

    def _recover(self, users: list[SimulatedUser]) -> None:
        self.report.line("all parts are restored")
        for user in users:
            user.finish()
        self.cluster.wait_until_healthy()
        deadline = time.monotonic() + _LAST_RESPONSES
        for user in users:
            user.thread.join(max(0.0, deadline - time.monotonic()))
        for user in users:
            user.stop()

    def _check(self, record: RunRecord) -> list[CheckResult]:
        results = []
        for result in run_checks(record):
            self.report.result(result)
            results.append(result)
        self.report.summary(self.done, self.request_log, record.watchers.all, self.cluster)
        for line in statistics(self.cluster):
            self.report.line(line)
        if any(result.problems for result in results):
            self.report.line(f"the last lines of all logs are in {save_log_tails(self.cluster)}")
        return results


@click.command()
@click.option("--seconds", default=60.0, show_default=True, help="How long parts are killed.")
@click.option("--seed", type=int, envvar="CHAOS_SEED", help="Repeat the run with this seed.")
def main(seconds: float, seed: int | None) -> None:
    """Run a campaign and exit with code 1 if a check fails."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # close the context managers
    seed = random.getrandbits(32) if seed is None else seed
    click.echo(f"Campaign of {seconds:g} s with seed {seed}; to repeat it, set CHAOS_SEED={seed}")
    started_at = time.monotonic()
    with _run_folder() as folder, console_report.ConsoleReport() as report:
        results = Campaign(folder, seed, seconds, report).run()
        wrong = [result for result in results if result.problems]
        report.line(f"{len(results)} checks, {len(wrong)} failed, in {time.monotonic() - started_at:.0f} s")
        if wrong:
            raise click.exceptions.Exit(1)


@contextmanager
def _run_folder() -> Iterator[Path]:
    """Create the folder of a run. Remove it unless the run fails."""
    folder = Path(tempfile.mkdtemp(prefix="panel-chaos."))  # short, because the paths of sockets are limited
    folder.chmod(0o755)  # PostgreSQL runs as another user
    try:
        yield folder
    except Exception:
        click.echo(f"The files of the run are in {folder}")
        raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
