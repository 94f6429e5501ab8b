"""`instruments` through its command line."""

from __future__ import annotations

import json
from pathlib import Path

from response_forms import WAI
from score_runs import Cli


def test_instruments_are_listed_and_shown(cli: Cli) -> None:
    assert cli("list", "--json", command="instruments") == 0
    assert [(i["id"], i["licence_gated"]) for i in json.loads(cli.out)] == [("srs-v3", True), ("wai-sr-c", False)]
    assert cli("show", "wai-sr-c", "--json", command="instruments") == 0
    shown = json.loads(cli.out)
    assert shown["canonical"] == WAI
    assert shown["scales"][1]["items"] == [1, 2, 10, 12]
    assert (shown["change"]["rc90"], shown["verified"]) == (0.5, True)
    assert shown["provenance"]["rc90"].startswith("[A] ")
    assert shown["holder"].startswith("© Horvath")
    assert (shown["items"][0]["minimum"], shown["items"][0]["maximum"], shown["items"][0]["step"]) == (1, 5, 1)


def test_for_people_the_page_names_keys_sources_and_licence(cli: Cli) -> None:
    assert cli("list", command="instruments") == 0
    assert "srs-v3    Session Rating Scale V.3.0: 4 items, answers 0-10 in steps of 0.1; needs the site's" in cli.out
    assert cli("show", "srs-v3", command="instruments") == 0
    for words in ("© Miller, Duncan and Johnson", "sum of 1, 2, 3, 4; 0-40; from 4 answered items", "rc95", "[A]"):
        assert words in cli.out
    assert cli("show", "wai", command="instruments") == 2
    assert "there are: srs-v3, wai-sr-c" in cli.err


def test_a_definition_is_validated(cli: Cli) -> None:
    from fhir_alliance import instruments

    good = Path(instruments.__file__).with_name("wai-sr-c.toml")
    assert cli("validate", good, command="instruments") == 0
    assert (cli.out, cli.err) == ("", f"{good}: valid\n")
    Path("bad.toml").write_text(good.read_text(encoding="utf-8").replace("rc95 = 0.60", "rc95 = 0.1"), encoding="utf-8")
    assert cli("validate", "bad.toml", command="instruments") == 5
    assert cli.out == "change: rc90, rc95 and rc99 must rise from above 0\n"
    assert cli("validate", "bad.toml", "--json", command="instruments") == 5
    assert json.loads(cli.out)["valid"] is False
    assert cli("validate", "absent.toml", command="instruments") == 2
