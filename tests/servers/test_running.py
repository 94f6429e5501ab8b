"""Starting and stopping the servers: a port that is taken fails at once, data survive where promised."""

from __future__ import annotations

import http.server
import socket
import threading

import pytest
import requests

from . import builds
from .running import HOST, RECIPES, Recipe, Server, ServerFailed


@pytest.mark.parametrize("name", RECIPES)
def test_a_taken_port_fails_the_start_and_does_not_hang_it(name: str) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        server = Server(RECIPES[name], port=taken.getsockname()[1])
        with pytest.raises(ServerFailed, match="is taken"):
            server.start()
        server.discard()


def test_another_server_that_answers_on_the_port_is_not_mistaken_for_ours() -> None:
    class Stranger(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer((HOST, 0), Stranger) as stranger:
        threading.Thread(target=stranger.serve_forever, daemon=True).start()
        server = Server(RECIPES["sekmet"], port=stranger.server_address[1])
        with pytest.raises(ServerFailed, match="is taken"):
            server.start()
        server.discard()
        stranger.shutdown()


def test_a_server_that_ends_early_is_told_with_what_it_printed() -> None:
    broken = Server(Recipe("broken", "sekmet", "/fhir", lambda *_: ["sh", "-c", "echo why; exit 3"]))
    with pytest.raises(ServerFailed, match=r"ended with 3.*\n.*why"):
        broken.start()
    broken.discard()


def test_a_server_that_never_answers_is_given_up() -> None:
    mute = Server(Recipe("mute", "sekmet", "/fhir", lambda *_: ["sleep", "60"], patience=0.5))
    with pytest.raises(ServerFailed, match="no answer in"):
        mute.start()
    mute.discard()


def test_data_survive_a_kill_where_the_recipe_says_so(server: Server) -> None:
    assert server.recipe.keeps
    body = {"resourceType": "Patient", "id": "survivor", "active": True}
    url = f"{server.base}/Patient/survivor"
    assert requests.put(url, json=body, headers={"Content-Type": "application/fhir+json"}, timeout=10).ok
    server.restart(hard=True)
    assert requests.get(url, timeout=10).json()["active"] is True


def test_what_is_required_and_missing_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLIANCE_REQUIRE", "sekmet, hapi")
    assert [name for name in builds.READY if builds.required(name)] == ["sekmet", "hapi"]
    monkeypatch.setenv("ALLIANCE_REQUIRE", "all")
    assert all(builds.required(name) for name in builds.READY)
    monkeypatch.setenv("ALLIANCE_REQUIRE", "happy")
    with pytest.raises(ValueError, match="happy"):
        builds.required("hapi")
    monkeypatch.delenv("ALLIANCE_REQUIRE")
    assert not any(builds.required(name) for name in builds.READY)
