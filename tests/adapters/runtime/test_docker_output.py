"""Output of the real engine: floods, endless lines, bytes that are not text, slow readers."""

import json
import time
import tracemalloc
from contextlib import closing

import pytest

from domain.ports.output import OutputLine
from tests.runtime_setup import RuntimeSetup

pytestmark = pytest.mark.engine


def _runs(real: RuntimeSetup, script: str, word: str = "web") -> str:
    return real.start(word, "web:1", command=("sh", "-c", script))


def _followed(real: RuntimeSetup, name: str) -> list[OutputLine]:
    with closing(real.runtime.follow(name)) as batches:
        return [line for lines in batches for line in lines]


def test_following_a_flood_of_lines_misses_none(real: RuntimeSetup):
    name = _runs(real, "i=0; while [ $i -lt 50000 ]; do echo line $i; i=$((i+1)); done")
    assert [line.text for line in _followed(real, name)] == [f"line {number}" for number in range(50_000)]


def test_a_slow_reader_misses_no_lines(real: RuntimeSetup):
    name = _runs(real, "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done")
    read: list[str] = []
    with closing(real.runtime.follow(name)) as batches:
        for lines in batches:
            read += [line.text for line in lines]
            time.sleep(0.05)
    assert read == [f"line {number}" for number in range(20_000)]


@pytest.mark.parametrize("waits", [False, True])
def test_a_flood_over_several_files_repeats_nothing_and_marks_what_the_engine_deleted(real: RuntimeSetup, waits: bool):
    name = real.start("web", "web:1", command=("busybox", "seq", "1", "400000"))
    lines: list[OutputLine] = []
    with closing(real.runtime.follow(name)) as batches:
        lines += next(batch for batch in batches if batch)
        if waits:
            real.wait_until(name, lambda container: container.state == "exited", 60)
        lines += [line for batch in batches for line in batch]
    before, is_marked, missing = 0, False, 0
    for line in lines:
        if line.stream != "gap":
            number = int(line.text)
            assert number == before + 1 or (number > before and is_marked), (before, number)
            missing += number - before - 1
            before = number
        is_marked = line.stream == "gap"
    assert before == 400_000
    assert missing <= 140_000, "at most what the engine deleted: it keeps three files of about 131,500 lines"
    assert waits <= ("gap" in {line.stream for line in lines})
    assert real.runtime.may_lack_output(name, lines[0].at)
    assert not real.runtime.may_lack_output(name, lines[-1].at)


def test_stdout_and_stderr_are_merged_by_time(real: RuntimeSetup):
    name = _runs(real, "for n in 1 2 3 4 5; do echo out $n; sleep 0.05; echo err $n >&2; sleep 0.05; done")
    lines = _followed(real, name)
    assert [(line.stream, line.text) for line in lines] == [
        (stream, f"{stream[3:]} {number}") for number in range(1, 6) for stream in ("stdout", "stderr")
    ]
    assert lines == sorted(lines, key=lambda line: line.at) == real.runtime.output(name)


def test_ten_megabytes_without_a_newline_are_one_line_and_never_in_memory_at_once(real: RuntimeSetup):
    name = _runs(
        real, "busybox yes 0123456789abcdef | busybox tr -d '\\n' | busybox head -c 10000000; echo; echo after"
    )
    real.wait_exited(name)
    for read in (lambda: _followed(real, name), lambda: real.runtime.output(name, tail=5)):
        tracemalloc.start()
        long, after = read()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert (len(long.text), long.text[-1], after.text) == (8192, "…", "after")
        assert most < 3_000_000


def test_a_line_without_a_newline_is_emitted_when_it_is_too_long(real: RuntimeSetup):
    name = _runs(real, "busybox head -c 100000 /dev/zero | busybox tr '\\0' x; sleep 60")
    with closing(real.runtime.follow(name)) as batches:
        lines = next(lines for lines in batches if lines)
    assert [len(line.text) for line in lines] == [8192]


def test_long_lines_count_as_one_each(real: RuntimeSetup):
    name = _runs(real, 'for n in 1 2 3 4; do printf "$n%50000s\\n" x; done; echo short')
    real.wait_exited(name)
    assert [line.text[0] for line in real.runtime.output(name, tail=3)] == ["3", "4", "s"]
    assert [line.text[0] for line in real.runtime.output(name, tail=4)] == ["2", "3", "4", "s"]
    assert [line.text[0] for line in real.runtime.output(name, tail=50)] == ["1", "2", "3", "4", "s"]


def test_any_output_is_returned_as_text(real: RuntimeSetup):
    name = _runs(real, r"printf '\033[31mred\033[0m\000\n\377\376\303\n\342\200\250\n\r\n'; printf 'data: x\n\nlast'")
    lines = _followed(real, name)
    assert [line.text for line in lines] == ["red", "\ufffd" * 3, "\u2028", "", "data: x", "", "last"]
    json.dumps([line.text for line in lines]).encode()


def test_lines_printed_while_the_container_stops_are_read(real: RuntimeSetup):
    bye = "i=0; while [ $i -lt 2000 ]; do echo bye $i; i=$((i+1)); done"
    name = _runs(real, f"trap '{bye}; exit' TERM; echo up; while :; do sleep 0.1; done")
    with closing(real.runtime.follow(name)) as batches:
        assert [line.text for line in next(lines for lines in batches if lines)] == ["up"]
        real.runtime.stop(name, 5)
        rest = [line.text for lines in batches for line in lines]
    assert rest == [f"bye {number}" for number in range(2000)]
