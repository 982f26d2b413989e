"""Workers, each a process that takes one entry after another; one that crashes or hangs is replaced
and goes on behind the sample that did it."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import selectors
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

WORKER = (sys.executable, "-m", "fxlower.tools.opinfo.worker")

ENTRIES_PER_WORKER = 120
"""Then a fresh one: what a process keeps of every compilation adds up."""


@dataclass
class Task:
    name: str
    dtype: str
    records: list[dict[str, Any]] = field(default_factory=list)
    done: list[tuple[str, str]] = field(default_factory=list)
    """Samples that were begun in a process that is no more."""


class Worker:
    def __init__(self, errors: IO[bytes] | int):
        self.process = subprocess.Popen(
            WORKER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        )
        assert self.process.stdout is not None
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        self.pending = b""
        self.taken = 0

    def send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """The next message; None if the process ended.

        Raises:
            TimeoutError: there was none for so long.
        """
        assert self.process.stdout is not None
        while b"\n" not in self.pending:
            if not self.selector.select(seconds):
                raise TimeoutError
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            if not data:
                return None
            self.pending += data
        line, self.pending = self.pending.split(b"\n", 1)
        return json.loads(line)

    def stop(self) -> int:
        """End the process; how it ended."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.selector.close()
        return self.process.wait()


def run_tasks(
    tasks: list[Task],
    settings: dict[str, Any],
    on_done: Callable[[Task], None],
    *,
    jobs: int,
    seconds: float,
    errors: IO[bytes] | int = subprocess.DEVNULL,
) -> None:
    """Run all tasks on `jobs` workers. `seconds` is what one sample may take."""
    waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)
    lock = threading.Lock()
    failures: list[BaseException] = []

    def serve() -> None:
        worker: Worker | None = None
        try:
            while not failures:
                try:
                    task = waiting.get_nowait()
                except queue.Empty:
                    break
                worker = _run(task, settings, worker, seconds, errors)
                with lock:
                    on_done(task)
        except BaseException as error:
            failures.append(error)
        finally:
            if worker is not None:
                worker.stop()

    threads = [threading.Thread(target=serve) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _start(errors: IO[bytes] | int) -> Worker:
    worker = Worker(errors)
    if worker.receive(300) is None:
        raise RuntimeError(f"a worker ended at once: exit status {worker.stop()}")
    return worker


def _run(
    task: Task,
    settings: dict[str, Any],
    worker: Worker | None,
    seconds: float,
    errors: IO[bytes] | int,
) -> Worker:
    """Run a task to its end, on several workers if it must be; the last of them."""
    while True:
        if worker is not None and worker.taken >= ENTRIES_PER_WORKER:
            worker.stop()
            worker = None
        worker = worker or _start(errors)
        worker.taken += 1
        worker.send({**settings, "name": task.name, "dtype": task.dtype, "done": task.done})
        begun: tuple[str, str] | None = None
        status, message = "crash", ""
        try:
            while (heard := worker.receive(seconds)) is not None:
                if heard["event"] == "done":
                    return worker
                if heard["event"] == "record":
                    task.records.append(heard["record"])
                elif heard["event"] == "begin":
                    begun = heard["check"], heard["sample"]
                    if begun[1] != "samples":
                        task.done.append(begun)
        except TimeoutError:
            status, message = "hang", f"no result after {seconds:.0f} s"
            worker.process.kill()
        code = worker.stop()
        worker = None
        check, sample = begun or ("", "samples")
        message = message or f"exit status {code}"
        task.records.append(
            {"check": check, "sample": sample, "status": status, "message": message}
        )
        if sample == "samples":
            task.done.append((check, sample))
