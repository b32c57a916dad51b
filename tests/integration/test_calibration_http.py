"""Calibrations over HTTP: questions, states, tokens, what the service says of itself."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from nightcrew.calmanager.http import wire
from nightcrew.calmanager.tokens import Scope, TokenError, Tokens
from nightcrew.shared.association import Level
from support.calibration_service import (
    CERTIFYING,
    client,
    manager,
    manager_and_url,
    schemas,
    service,
    settings,
    store,
    stranger,
    writer,
)
from support.f2_masters import flat_request, write_master_dark

if TYPE_CHECKING:
    from pathlib import Path

    from nightcrew.shared.database import Database


__all__ = ["client", "manager", "manager_and_url", "schemas", "service", "settings", "store", "stranger", "writer"]
DARK = "S20150103S0115_dark.fits"


@pytest.fixture
def dark(tmp_path: Path) -> Path:
    return write_master_dark(tmp_path / DARK)


def put(client: httpx.Client, path: Path, **headers: str) -> httpx.Response:
    return client.put(f"/v1/calibrations/{path.name}", content=path.read_bytes(), headers=headers)


def stored(client: httpx.Client, path: Path) -> dict[str, Any]:
    """Upload a calibration, have it certified, and return its record."""
    record = put(client, path).raise_for_status().json()["record"]
    if record["state"] == "candidate":
        client.post(f"/v1/calibrations/{record['id']}/certify", json=CERTIFYING).raise_for_status()
    found: dict[str, Any] = client.get(f"/v1/calibrations/{record['id']}").raise_for_status().json()
    return found


def samples(client: httpx.Client) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def sample(client: httpx.Client, name: str, **labels: str) -> float:
    return samples(client).get((name, frozenset(labels.items())), 0.0)


def question(**more: Any) -> dict[str, Any]:
    return {"target": flat_request(), "caltype": "processed_dark", **more}


def test_a_dark_that_was_uploaded_belongs_to_the_next_flat(client: httpx.Client, dark: Path) -> None:
    record = stored(client, dark)
    answer = client.post("/v1/associate", json=question()).raise_for_status()
    told = wire.AssociateOut.model_validate_json(answer.content)
    (match,) = told.matches
    assert (match.name, match.id, told.level) == (DARK, record["id"], "same_night")
    assert match.md5 == hashlib.md5(dark.read_bytes()).hexdigest()
    assert match.size == dark.stat().st_size
    assert match.url == f"{client.base_url}/v1/calibrations/{match.id}/file"
    assert httpx.get(match.url).content == dark.read_bytes()


def test_near_misses_and_their_reasons_are_told_when_asked(client: httpx.Client, tmp_path: Path) -> None:
    stored(client, write_master_dark(tmp_path / DARK, exposure=20.0))
    answer = client.post("/v1/explain", json=question()).raise_for_status().json()
    assert answer["matches"] == []
    (miss,) = answer["near_misses"]
    assert miss["name"] == DARK
    assert "exposure 20 s" in miss["reason"]
    assert answer["ingested"] == 1


def test_the_names_of_levels_are_those_of_the_association() -> None:
    assert {level.name.lower() for level in Level} == set(wire.LevelName.__args__)


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"{", 400, "JSON decode error"),
        (b"[]", 422, "body"),
        (b'{"caltype": "dark"}', 422, "body.target: Field required"),
        (b'{"target": {"tags": [], "descriptors": {}}, "caltype": "dark", "colour": 1}', 422, "body.colour"),
        (b'{"target": {"tags": [], "descriptors": {}}, "caltype": "da\\u0000rk"}', 422, "body.caltype"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_in_one_line(
    stranger: httpx.Client, body: bytes, status: int, says: str
) -> None:
    answer = stranger.post("/v1/associate", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["code"] == "request"
    assert says in error["message"]


def test_an_unknown_instrument_has_no_rules_and_says_so(stranger: httpx.Client) -> None:
    labels = {"instrument": "other", "cal_type": "processed_dark", "result": "miss"}
    before = sample(stranger, "nightcrew_calibration_requests_total", **labels)
    asked = question()
    asked["target"]["descriptors"]["instrument"] = "ZORRO"
    answer = stranger.post("/v1/associate", json=asked).raise_for_status().json()
    assert answer["matches"] == []
    assert "no association rules for ZORRO" in answer["note"]
    assert sample(stranger, "nightcrew_calibration_requests_total", **labels) == before + 1


def test_a_descriptor_that_a_rule_compares_must_be_sent(stranger: httpx.Client) -> None:
    asked = question()
    del asked["target"]["descriptors"]["read_mode"]
    answer = stranger.post("/v1/associate", json=asked)
    assert answer.status_code == 422
    assert "read_mode" in answer.json()["error"]["message"]


@pytest.mark.parametrize("value", ["\x00", "\ud800", 10**400, 1e999, float("nan"), [[[[]]]], {"a": 1}])
def test_a_value_that_no_database_holds_is_no_failure_of_the_service(stranger: httpx.Client, value: Any) -> None:
    import json

    asked = question()
    asked["target"]["descriptors"] |= {"read_mode": value, "exposure_time": value}
    answer = stranger.post(
        "/v1/associate", content=json.dumps(asked).encode(), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in {200, 422}


def test_a_vetoed_master_is_given_out_no_more_and_its_products_are_told(client: httpx.Client, dark: Path) -> None:
    record = stored(client, dark)
    product = {
        "name": "S20150103S0300_flat.fits",
        "path": "/data/S20150103S0300_flat.fits",
        "md5": "0cc175b9c0f1b6a831c399e269772661",
        "recipe": "makeProcessedFlat",
        "made_at": "2026-11-28T05:12:00+01:00",
        "inputs": [{"name": DARK, "md5": record["md5"], "role": "darkCorrect"}],
    }
    for _ in range(2):
        assert client.post("/v1/products", json=product).status_code == 204
    assert client.post("/v1/associate", json=question()).json()["matches"]
    veto = client.post(f"/v1/calibrations/{DARK}/veto", json={"who": "ana", "why": "saturated"}).raise_for_status()
    told = wire.VetoedOut.model_validate_json(veto.content)
    assert told.record.state == "vetoed"
    assert [one.name for one in told.affected] == [product["name"]]
    affected = client.get(f"/v1/calibrations/{DARK}/affected").json()["affected"]
    assert [one["path"] for one in affected] == [product["path"]]
    assert client.post("/v1/associate", json=question()).json()["matches"] == []
    history = wire.HistoryOut.model_validate_json(client.get(f"/v1/calibrations/{DARK}/history").content).history
    assert (history[-1].event, history[-1].reason) == ("veto", "saturated")
    assert history[-1].who == "ana (token reducer-3)"
    again = client.post(f"/v1/calibrations/{DARK}/veto", json={"who": "ana", "why": "saturated"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "state")
    restored = client.post(f"/v1/calibrations/{DARK}/restore", json={"who": "ana", "why": "my mistake"})
    assert restored.json()["state"] == "candidate"


def test_certified_times_of_one_kind_do_not_overlap(client: httpx.Client, tmp_path: Path) -> None:
    one, other = (stored(client, write_master_dark(tmp_path / f"{n}_dark.fits", seed=n)) for n in (1, 2))
    january = {"since": "2015-01-01T00:00:00", "until": "2015-02-01T00:00:00"}
    certified = client.post(f"/v1/calibrations/{one['id']}/certify", json={**CERTIFYING, **january})
    assert certified.json()["valid_until"] == january["until"]
    overlap = client.post(
        f"/v1/calibrations/{other['id']}/certify", json={**CERTIFYING, "since": "2015-01-31T00:00:00Z"}
    )
    assert (overlap.status_code, overlap.json()["error"]["code"]) == (409, "overlap")
    empty = {**CERTIFYING, "since": "2015-02-01T00:00:00", "until": "2015-01-01T00:00:00"}
    assert client.post(f"/v1/calibrations/{other['id']}/certify", json=empty).status_code == 422


def test_a_better_master_takes_the_place_of_another(client: httpx.Client, tmp_path: Path) -> None:
    one, other = (stored(client, write_master_dark(tmp_path / f"{n}_dark.fits", seed=n)) for n in (1, 2))
    body = {"by": other["name"], "who": "ana", "why": "more frames"}
    assert client.post(f"/v1/calibrations/{one['id']}/supersede", json=body).json()["state"] == "superseded"
    body = {"by": other["id"], "who": "ana", "why": "itself"}
    assert client.post(f"/v1/calibrations/{other['id']}/supersede", json=body).status_code == 409


def test_writing_needs_a_token_that_allows_it(stranger: httpx.Client, database: Database, dark: Path) -> None:
    tokens = Tokens(database)
    reader = tokens.create("console", [Scope.READ])
    writes = [("PUT", f"/v1/calibrations/{DARK}"), ("POST", "/v1/products")]
    writes += [("POST", f"/v1/calibrations/1/{event}") for event in ("certify", "veto", "supersede", "restore")]
    for method, path in writes:
        for header, status, challenge in (
            (None, 401, 'Bearer realm="nightcrew"'),
            ("Basic YTpi", 401, 'Bearer realm="nightcrew"'),
            ("Bearer wrong", 401, 'error="invalid_token"'),
            (f"Bearer {reader}", 403, 'scope="write"'),
        ):
            headers = {"Authorization": header} if header else {}
            answer = stranger.request(method, path, content=dark.read_bytes(), headers=headers)
            assert answer.status_code == status, (method, path, header)
            assert challenge in answer.headers["WWW-Authenticate"]
            assert answer.json()["error"]["message"]
    assert stranger.get("/v1/calibrations").json()["calibrations"] == []


def test_a_revoked_token_is_void_at_once(stranger: httpx.Client, database: Database, dark: Path) -> None:
    tokens = Tokens(database)
    secret = tokens.create("reducer-9", [Scope.WRITE])
    headers = {"Authorization": f"Bearer {secret}"}
    assert stranger.put(f"/v1/calibrations/{DARK}", content=dark.read_bytes(), headers=headers).status_code == 201
    tokens.revoke("reducer-9")
    assert stranger.put(f"/v1/calibrations/{DARK}", content=dark.read_bytes(), headers=headers).status_code == 401
    (token,) = tokens.list()
    assert (token.name, token.scopes, token.revoked_at is None) == ("reducer-9", {Scope.WRITE}, False)
    assert not tokens.exist()


def test_a_token_is_kept_as_its_digest_only(database: Database) -> None:
    from sqlalchemy import text

    secret = Tokens(database).create("reducer-3", list(Scope))
    with database.connect() as connection:
        row = str(connection.execute(text("SELECT * FROM calibration.tokens")).mappings().one())
    assert secret not in row
    assert secret.removeprefix("nightcrew_") not in row


@pytest.mark.parametrize(
    ("name", "scopes", "says"),
    [("reducer-3", [Scope.READ], "there is one already"), ("", [Scope.READ], "needs a name"), ("x", [], "a scope")],
)
def test_a_token_that_makes_no_sense_is_not_made(
    database: Database, writer: str, name: str, scopes: list[Scope], says: str
) -> None:
    with pytest.raises(TokenError, match=says):
        Tokens(database).create(name, scopes)
    with pytest.raises(TokenError, match="there is none"):
        Tokens(database).revoke("nobody")


def test_what_there_is_not_is_told_as_json(stranger: httpx.Client) -> None:
    assert stranger.get("/v1/nothing").json()["error"]["code"] == "route"
    wrong = stranger.delete("/v1/calibrations")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "method")


def test_the_openapi_document_describes_every_route_with_examples(stranger: httpx.Client) -> None:
    document = stranger.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (method, path)
            assert operation["responses"], (method, path)
    for name in (
        "AssociateIn",
        "AssociateOut",
        "RecordOut",
        "CertifyIn",
        "VetoIn",
        "SupersedeIn",
        "ProductIn",
        "ErrorOut",
    ):
        assert document["components"]["schemas"][name]["examples"], name
    wire.AssociateIn.model_validate(document["components"]["schemas"]["AssociateIn"]["examples"][0])
    wire.AssociateOut.model_validate(document["components"]["schemas"]["AssociateOut"]["examples"][0])
    wire.RecordOut.model_validate(document["components"]["schemas"]["RecordOut"]["examples"][0])
    put_file = document["paths"]["/v1/calibrations/{name}"]["put"]
    assert put_file["security"] == [{"HTTPBearer": []}]


def test_questions_and_answers_are_counted(client: httpx.Client, dark: Path) -> None:
    f2 = {"instrument": "F2", "cal_type": "processed_dark"}
    certify = {"method": "POST", "route": "/v1/calibrations/{which}/certify"}
    watched: list[tuple[str, dict[str, str]]] = [
        ("nightcrew_calibration_requests_total", {**f2, "result": "hit"}),
        ("nightcrew_calibration_requests_total", {**f2, "result": "vetoed"}),
        ("nightcrew_calibration_level_total", {**f2, "level": "same_night"}),
        ("nightcrew_calibration_age_seconds_count", f2),
        ("http_requests_total", {"method": "POST", "route": "/v1/associate", "status": "2xx"}),
        ("http_requests_total", {**certify, "status": "4xx"}),
        ("http_requests_total", {"method": "other", "route": "other", "status": "4xx"}),
    ]
    before = samples(client)
    record = stored(client, dark)
    client.post("/v1/associate", json=question())
    client.post(f"/v1/calibrations/{record['id']}/certify", json={})
    client.post(f"/v1/calibrations/{record['id']}/veto", json={"who": "ana", "why": "saturated"})
    client.post("/v1/explain", json=question())
    client.get("/wp-login.php")
    after = samples(client)
    keys = [(name, frozenset(labels.items())) for name, labels in watched]
    assert [after[key] - before.get(key, 0) for key in keys] == [1] * len(keys)
    assert after["http_request_duration_seconds_count", frozenset(certify.items())] >= 1


def test_health_and_readiness(client: httpx.Client, store: Path) -> None:
    assert client.get("/healthz").json() == {"status": "ok", "checks": {}}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]) == (200, {"database": "ok", "schema": "ok", "store": "ok"})
    store.rmdir()
    store.write_text("not a directory")
    blocked = client.get("/readyz")
    assert blocked.status_code == 503
    assert "cannot be written" in blocked.json()["checks"]["store"]
