"""How far the demo is: a bar on a terminal, a line per step elsewhere, nothing when asked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .run import Teller


def _nothing(_done: int, _total: int) -> None: ...


class _Silent:
    def step(self, title: str) -> Callable[[int, int], None]:
        return _nothing


class _Lines:
    def step(self, title: str) -> Callable[[int, int], None]:
        sys.stderr.write(f"{title}\n")
        return _nothing


@contextmanager
def progress(*, quiet: bool) -> Iterator[Teller]:
    """On stderr, so that stdout stays data. `quiet`: only where there is a terminal to draw on."""
    if not sys.stderr.isatty():
        yield _Silent() if quiet else _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:

        class Drawn:
            def step(self, title: str) -> Callable[[int, int], None]:
                for old in bar.task_ids:
                    bar.remove_task(old)
                task = bar.add_task(title, total=None)
                return lambda done, total: bar.update(task, completed=done, total=total or None)

        yield Drawn()
