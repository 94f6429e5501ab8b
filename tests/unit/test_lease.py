"""One writer at a time (`decisions.md` 5.4), with real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from fhir_alliance.errors import LeaseHeld, LeaseLost
from fhir_alliance.store.database import open_engine
from fhir_alliance.store.lease import Lease

HOLD = """
import sys, time
from pathlib import Path
from fhir_alliance.store.database import open_engine
from fhir_alliance.store.lease import Lease
Lease(open_engine(Path(sys.argv[1]))).__enter__()
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "alliance.db"


def test_a_second_holder_is_refused_until_the_first_is_done(path: Path) -> None:
    engine = open_engine(path)
    with Lease(engine), pytest.raises(LeaseHeld), Lease(engine):
        pass
    with Lease(engine):
        pass


def test_a_living_process_keeps_it_and_a_dead_one_frees_it_at_once(path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(LeaseHeld), Lease(open_engine(path)):
            pass
    finally:
        other.kill()
        other.wait()
    with Lease(open_engine(path)) as lease:
        lease.check()


def test_another_host_must_run_out_first(path: Path) -> None:
    engine = open_engine(path)
    row = "INSERT INTO lease VALUES (1, 'x', 'elsewhere', 1, :expires)"
    with engine.begin() as c:
        c.execute(text(row), {"expires": "2999-01-01T00:00:00+00:00"})
    with pytest.raises(LeaseHeld), Lease(engine):
        pass
    with engine.begin() as c:
        c.execute(text("UPDATE lease SET expires = '2020-01-01T00:00:00+00:00'"))
    with Lease(engine):
        pass


def test_of_many_that_start_together_one_wins(path: Path) -> None:
    engine = open_engine(path)
    won, lost, go = [], [], threading.Barrier(8)
    done = threading.Event()

    def start() -> None:
        go.wait()
        try:
            with Lease(engine) as lease:
                won.append(lease)
                done.wait(20)
        except LeaseHeld:
            lost.append(1)
            if len(lost) == 7:
                done.set()

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 7)


def test_a_lease_that_ran_out_stops_the_next_write(path: Path) -> None:
    with Lease(open_engine(path), length=timedelta(0), renew_every=60) as lease, pytest.raises(LeaseLost):
        lease.check()


def test_renewal_keeps_it(path: Path) -> None:
    lease = Lease(open_engine(path), length=timedelta(seconds=0.5), renew_every=0.05)
    with lease:
        threading.Event().wait(0.8)
        lease.check()


def test_store_is_private(path: Path) -> None:
    open_engine(path).dispose()
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.stat(path.parent).st_mode & 0o777 == 0o700
