"""One token for all threads, on a clock that the test turns."""

from __future__ import annotations

import threading

import pytest

from fhir_alliance import errors
from fhir_alliance.fhir.oauth import OAuth
from fhir_alliance.fhir.token import Token


class Endpoint:
    """Gives tokens t1, t2 …, or fails; `seconds` is the time."""

    def __init__(self, lives: float = 300) -> None:
        self.lives, self.seconds, self.asked = lives, 0.0, 0
        self.takes = 0.0
        self.fails: errors.EHRError | None = None

    def ask(self) -> Token:
        self.asked += 1
        self.seconds += self.takes
        if self.fails:
            raise self.fails
        return Token(f"t{self.asked}", self.lives, None)

    def clock(self) -> float:
        return self.seconds


def shown(auth: OAuth) -> str:
    return auth.headers()["Authorization"]


@pytest.mark.parametrize(("lives", "renewed"), [(300, 240), (570, 510), (60, 30), (5, 2.5), (86400, 86340)])
def test_renewed_ahead_of_its_end(lives: float, renewed: float) -> None:
    endpoint = Endpoint(lives)
    auth = OAuth(endpoint.ask, endpoint.clock)
    assert shown(auth) == "Bearer t1"
    endpoint.seconds = renewed - 0.1
    assert shown(auth) == "Bearer t1"
    endpoint.seconds = renewed
    assert shown(auth) == "Bearer t2"


def test_its_life_is_counted_from_the_asking() -> None:
    endpoint = Endpoint(300)
    endpoint.takes = 100
    auth = OAuth(endpoint.ask, endpoint.clock)
    shown(auth)
    endpoint.seconds = 239
    assert shown(auth) == "Bearer t1"
    endpoint.seconds = 240
    assert shown(auth) == "Bearer t2"


@pytest.mark.parametrize("error", [errors.Unreachable("down"), errors.Throttled("slow")])
def test_while_it_holds_a_token_outlasts_an_endpoint_that_is_away(error: errors.EHRError) -> None:
    endpoint = Endpoint(300)
    auth = OAuth(endpoint.ask, endpoint.clock)
    shown(auth)
    endpoint.fails, endpoint.seconds = error, 240
    assert shown(auth) == "Bearer t1"
    assert shown(auth) == "Bearer t1"
    assert endpoint.asked == 2  # not at each request
    endpoint.seconds = 270
    assert shown(auth) == "Bearer t1"
    assert endpoint.asked == 3
    endpoint.seconds = 300
    with pytest.raises(type(error)):
        shown(auth)
    endpoint.fails = None
    assert shown(auth) == "Bearer t5"


def test_a_definite_no_ends_it_at_once() -> None:
    endpoint = Endpoint(300)
    auth = OAuth(endpoint.ask, endpoint.clock)
    shown(auth)
    endpoint.fails, endpoint.seconds = errors.Unauthorised("no"), 240
    with pytest.raises(errors.Unauthorised):
        shown(auth)


def test_only_the_token_that_was_refused_is_forgotten() -> None:
    endpoint = Endpoint()
    auth = OAuth(endpoint.ask, endpoint.clock)
    first = auth.headers()
    auth.refresh(first)
    second = auth.headers()
    auth.refresh(first)
    assert auth.headers() == second != first


class Watched:
    """A lock that tells who is about to wait for it."""

    def __init__(self) -> None:
        self.waiting, self._lock = threading.Semaphore(0), threading.Lock()

    def __enter__(self) -> None:
        self.waiting.release()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_threads_that_wait_share_a_failure_too() -> None:
    """The endpoint was tried with all patience while they waited: they do not each try it again."""
    go_on, asked = threading.Event(), 0

    def ask() -> Token:
        nonlocal asked
        asked += 1
        assert go_on.wait(10)
        raise errors.Unreachable("away", status=503)

    auth, lock, failed = OAuth(ask), Watched(), list[errors.EHRError]()
    auth._lock = lock  # type: ignore[assignment]

    def work() -> None:
        try:
            auth.headers()
        except errors.Unreachable as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert lock.waiting.acquire(timeout=10)
    go_on.set()
    for thread in threads:
        thread.join()
    assert asked == 1
    assert [(str(error), error.status) for error in failed] == [("away", 503)] * 4
    with pytest.raises(errors.Unreachable):
        auth.headers()
    assert asked == 2
