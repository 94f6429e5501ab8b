"""`instruments` through its command line."""

from __future__ import annotations

import json
from pathlib import Path

from response_forms import WAI
from score_runs import Cli


def test_instruments_are_listed_and_shown(cli: Cli) -> None:
    assert cli("list", "--json", command="instruments") == 0
    found = {i["id"]: i for i in json.loads(cli.out)}
    assert (found["srs-v3"]["licence_gated"], found["wai-sr-c"]["licence_gated"]) == (True, False)
    assert (found["star-p"]["totals_only"], found["star-p"]["items"]) == (True, 0)
    assert [found[id]["verified"] for id in ("wai-sr-c", "wai-s-c", "star-p")] == [True, False, False]
    assert {found[id]["purpose"] for id in ("ors", "cors")} == {"outcome"}
    assert cli("show", "wai-sr-c", "--json", command="instruments") == 0
    shown = json.loads(cli.out)
    assert shown["canonical"] == WAI
    assert shown["scales"][1]["items"] == [1, 2, 10, 12]
    assert (shown["change"]["rc90"], shown["verified"]) == (0.5, True)
    assert shown["provenance"]["rc90"].startswith("[A] ")
    assert shown["licence"]["holder"].startswith("© Horvath")
    assert (shown["purpose"], shown["snomed"], shown["totals_only"], shown["cautions"]) == ("alliance", None, False, [])
    assert [i["number"] for i in shown["items"] if i["reverse"]] == []
    assert (shown["items"][0]["minimum"], shown["items"][0]["maximum"], shown["items"][0]["step"]) == (1, 5, 1)


def test_for_people_the_page_names_keys_sources_and_licence(cli: Cli) -> None:
    assert cli("list", command="instruments") == 0
    lines = {line.split()[0]: line for line in cli.out.splitlines()}
    assert "Session Rating Scale V.3.0: 4 items, total 0-40; needs the site's licence" in lines["srs-v3"]
    assert "accepts a finished total only, total 0-48" in lines["star-p"]
    assert "key NOT verified" in lines["wai-s-c"]
    assert "outcome" in lines["ors"]
    assert cli("show", "srs-v3", command="instruments") == 0
    for words in ("© Miller, Duncan and Johnson", "sum of 1, 2, 3, 4; 0-40; from 4 answered items", "rc95", "[A]"):
        assert words in cli.out
    assert cli("show", "wai", command="instruments") == 2
    assert "wai-sr-c" in cli.err


def test_what_is_not_known_is_said_aloud(cli: Cli) -> None:
    told = {}
    for id in ("wai-s-c", "star-p", "ors", "gsrs", "haq2-t", "tasc-r-p", "shs", "care"):
        assert cli("show", id, command="instruments") == 0
        told[id] = " ".join(cli.out.split())
    assert "CAUTION wai-s-c: its key is from general knowledge and was NOT verified against the form" in told["wai-s-c"]
    assert "[M-hi] task 1,2,8,12; goal 4,6,10,11; bond 3,5,7,9" in told["wai-s-c"]
    assert "sum of 1, 2, 3, 4-, 5" in told["wai-s-c"]
    assert "as none is published for it: rc90, rc95, rc99, s0" in told["wai-s-c"]
    assert "accepts a finished total only" in told["star-p"]
    assert all("sync looks for no strain in it" in told[id] for id in ("ors", "shs", "care"))
    assert all(word in told["ors"] for word in ("716613004", "SNOMED CT licence"))
    assert "a fall is a notice, never pushed" in told["gsrs"]
    assert "rated by the therapist: a fall is a notice, never pushed" in told["haq2-t"]
    assert "rated by the caregiver: a fall is a notice, never pushed" in told["tasc-r-p"]


def test_a_definition_is_validated(cli: Cli) -> None:
    from fhir_alliance import instruments

    good = Path(instruments.__file__).with_name("wai-sr-c.toml")
    assert cli("validate", good, command="instruments") == 0
    assert (cli.out, cli.err) == ("", f"{good}: valid\n")
    Path("bad.toml").write_text(good.read_text(encoding="utf-8").replace("rc95 = 0.60", "rc95 = 0.1"), encoding="utf-8")
    assert cli("validate", "bad.toml", command="instruments") == 5
    assert cli.out == "change: rc90, rc95 and rc99 must rise from above 0\n"
    assert cli("validate", "bad.toml", "--json", command="instruments") == 5
    problems = ["change: rc90, rc95 and rc99 must rise from above 0"]
    assert json.loads(cli.out) == {"file": "bad.toml", "ok": False, "problems": problems}
    assert cli("validate", good, "--json", command="instruments") == 0
    assert json.loads(cli.out) == {"file": str(good), "ok": True, "problems": []}
    assert cli("validate", "absent.toml", command="instruments") == 2
