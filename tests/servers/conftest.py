"""Fixtures: real servers as the matrix declares, a proxy, a clinic of one's own, and the product beside it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from fhir_alliance.vendors import vendors

from . import builds, clients
from .canaries import PLANTED
from .clinic import Clinic
from .ehr import Ehr
from .filed import Filed
from .hook import Receiver
from .matrix import MATRIX
from .product import Site
from .profiles import plain, wants_open
from .proxy import Proxy
from .running import RECIPES, Server
from .vendor import VendorProxy

MakeSite = Callable[..., Site]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`server` is one of those that the matrix names for this test; sekmet for tests of the tools themselves."""
    if "server" in metafunc.fixturenames:
        row = MATRIX.get(metafunc.function.__name__.removeprefix("test_"))
        metafunc.parametrize("server", row.servers if row else ("sekmet",), indirect=True, scope="session")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """A group for each runtime, so that pytest-xdist (--dist loadgroup) starts each server once; the canary is last.

    Random histories take minutes, so those on sekmet, which starts in a second, have a group each; and so has each
    profile of a vendor, which is a sekmet of its own.
    """
    for item in items:
        if "servers" in item.path.parts:
            callspec = getattr(item, "callspec", None)
            name = callspec.params.get("server", "") if callspec else ""
            group = RECIPES[name].runtime if name in RECIPES else "sekmet"
            if name in RECIPES and RECIPES[name].like:
                group = name
            if item.path.name == "test_histories.py" and group == "sekmet":
                group = item.name
            item.add_marker(pytest.mark.xdist_group(group))
    yield
    items.sort(key=lambda item: item.path.name == "test_canary.py")


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The running server. Without its runtime: skipped, or failed where ALLIANCE_REQUIRE asks for it."""
    recipe = RECIPES[request.param]
    used: dict[str, str] = request.config.fhir_servers  # type: ignore[attr-defined]
    try:
        builds.READY[recipe.runtime]()
    except builds.Missing as reason:
        used[recipe.name] = f"NOT RUN: {reason}"
        if builds.required(recipe.runtime):
            pytest.fail(f"ALLIANCE_REQUIRE asks for {recipe.runtime}, but {reason}", pytrace=False)
        pytest.skip(f"{recipe.name} cannot run here: {reason}")
    running = Server(recipe)
    running.start()
    used[recipe.name] = f"{running.software} {running.version}"
    yield running
    running.discard()


@pytest.fixture
def ehr(server: Server) -> Ehr:
    return Ehr(server.base, server.recipe.loader)


@pytest.fixture
def clinic(server: Server, ehr: Ehr) -> Clinic:
    made = Clinic(ehr)
    if server.recipe.like and wants_open(server.recipe.like):
        made.leave_open()
    return made


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    """In front of the server, without any fault yet: a vendor's EHR where the server is to be like one."""
    like = server.recipe.like
    proxy = VendorProxy(server.base, vendors()[like]) if like else Proxy(server.base)
    yield proxy
    proxy.down()


@pytest.fixture
def hook() -> Iterator[Receiver]:
    """A system of the site's own that hears of alerts by webhook."""
    made = Receiver(PLANTED["bearer token"])
    yield made
    made.close()


@pytest.fixture
def filed(server: Server, ehr: Ehr, request: pytest.FixtureRequest) -> Filed:
    """Where scores and alerts stand in this EHR."""
    like = server.recipe.like
    return Filed(ehr, like, request.getfixturevalue("hook") if like else None)


@pytest.fixture(scope="session")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all output of the product goes, for the canary sweep."""
    return tmp_path_factory.mktemp("captured")


@pytest.fixture
def site(
    server: Server,
    ehr: Ehr,
    clinic: Clinic,
    filed: Filed,
    captured: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> MakeSite:
    """Makes an installation for the clinic's patients: site(), site(proxy.base), site(**{"write.enabled": False}).

    At a vendor's EHR it has the settings that its profile wants.
    """
    numbers = count(1)

    def make(
        base: str | None = None,
        *,
        patients: Sequence[str] | None = None,
        captured: Path = captured,
        **options: Any,
    ) -> Site:
        folder = tmp_path / f"site{next(numbers)}"
        if server.recipe.loader:
            options = clients.product(server.folder) | options
        if like := server.recipe.like:
            options = {**plain(like, request.getfixturevalue("hook")), **options}
            base = base or request.getfixturevalue("proxy").base
        cohort = clinic.patients if patients is None else patients
        filed.here = Site(folder, base or ehr.base, cohort, tag=clinic.tag, captured=captured, options=options)
        return filed.here

    return make
