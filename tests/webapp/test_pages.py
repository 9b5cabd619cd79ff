"""The pages as they are without JavaScript: form, messages beside the fields, model, headers, login."""

import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.helpers.serving import TOKEN, make_app, make_card, make_pair_card, make_scaled_card, write_checkout
from webapp.formatting import fixed
from webapp.scoring.rows import json_default
from webapp.scoring.scorer import score
from webapp.views.charts import draw_contributions, draw_distribution
from webapp.views.effects import EffectBars, EffectCurve, draw_effect
from webapp.views.forms import defaults
from webapp.views.heatmap import draw_surface
from webapp.views.pairs import draw_pairs

CARD = make_card()
NAMES = [column.name for column in CARD.columns]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return make_app(write_checkout(tmp_path_factory.mktemp("pages") / "checkout")).test_client()


class Page(HTMLParser):
    """The controls and notes of the form, and what breaks its rules."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.notes: dict[str, str] = {}
        self.inline: list[str] = []
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.controls: list[str] = []
        self._select = self._note = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.inline += [f"{tag} {name}" for name in found if name == "style" or name.startswith("on")]
        self.inline += [tag] * (tag == "style" or (tag == "script" and "src" not in found))
        if "id" in found:
            self.ids.append(found["id"])
        name = found.get("name", "")
        if name.startswith("column:"):
            self.controls.append(found["id"])
            self._select = name if tag == "select" else ""
            self.values[name] = found.get("value", "")
        if tag == "option" and "selected" in found:
            self.values[self._select] = found["value"]
        if tag == "label":
            self.labelled.add(found["for"])
        self._note = found["id"] if "note" in found.get("class", "").split() else ""

    def handle_data(self, data: str) -> None:
        if self._note and data.strip():
            self.notes[self._note] = data.strip()

    def handle_endtag(self, tag: str) -> None:
        self._note = ""


def fill(client: FlaskClient, **typed: str) -> tuple[int, Page, str]:
    values = {**defaults(CARD), **typed}
    answer = client.post("/", data={f"column:{name}": value for name, value in values.items()})
    return answer.status_code, Page(answer.text), answer.text


def test_the_form_starts_with_the_defaults_and_a_prediction(client: FlaskClient) -> None:
    answer = client.get("/")
    page = Page(answer.text)
    assert answer.status_code == 200
    assert page.values == {f"column:{name}": value for name, value in defaults(CARD).items()}
    assert set(page.controls) <= page.labelled
    assert len(page.ids) == len(set(page.ids))
    expected = score(CARD, {"size": 10.0, "rooms": 3.0, "kind": "1", "place": "north", "garden": True,
                            "sold": "2026-12-31", "built": "2020-01-01"})  # fmt: skip
    assert f"<strong>{fixed(expected.prediction, 0)}</strong> k€" in answer.text


def test_a_posted_form_gets_its_prediction(client: FlaskClient) -> None:
    status, page, text = fill(client, size="20")
    assert status == 200
    assert page.values["column:size"] == "20"
    assert '<a href="/" aria-current="page">Predict</a>' in text
    assert "+40.0" in text
    assert page.notes == {}


def test_the_effect_of_the_chosen_field_is_shown(client: FlaskClient) -> None:
    for name in NAMES:
        values = {f"column:{column}": value for column, value in defaults(CARD).items()}
        answer = client.post("/", data={**values, "focus": ["size", name]})
        assert answer.status_code == 200
        effect = answer.text.split('id="effect"')[1]
        assert name.capitalize() in effect
        assert "you are here" in effect or name == "sold"  # whose december has no effect of its own


def test_mistakes_stand_beside_their_fields_and_what_was_typed_stays(client: FlaskClient) -> None:
    status, page, text = fill(client, size="twelve", rooms="", kind="9", sold="soon", place='<b>"&')
    assert status == 422
    assert page.notes == {
        "field-0-note": "must be a number",
        "field-1-note": "is required",
        "field-2-note": "must be one of 1 (flat), 2 (house)",
        "field-5-note": "must be a datetime like 2026-11-24T17:05",
    }
    assert page.values["column:size"] == "twelve"
    assert page.values["column:place"] == '<b>"&'
    assert "<b>" not in text
    assert "Please correct: Size, Rooms, Kind, Sold" in text


def test_what_the_model_has_not_seen_is_marked(client: FlaskClient) -> None:
    status, page, _ = fill(client, size="99", place="elsewhere")
    assert status == 200
    assert page.notes["field-0-note"].startswith("outside the training range (0 to 20)")
    assert page.notes["field-3-note"].startswith("not seen in training")


def test_the_form_is_written_and_read_in_the_notation_of_the_table(tmp_path: Path) -> None:
    reading = CARD.columns[0].reading.model_copy(update={"decimal_char": ",", "group_char": "."})
    size = CARD.columns[0].model_copy(update={"reading": reading, "default": 12.5})
    garden = CARD.columns[4].model_copy(update={"reading": reading.model_copy(update={"true_values": ["Y"]})})
    built = CARD.columns[6].model_copy(update={"reading": reading.model_copy(update={"format": "%d/%m/%Y"})})
    columns = [size, *CARD.columns[1:4], garden, CARD.columns[5], built]
    card = CARD.model_copy(update={"columns": columns})
    client = make_app(write_checkout(tmp_path / "checkout", card)).test_client()
    values = Page(client.get("/").text).values
    assert [values[f"column:{name}"] for name in ("size", "garden", "built")] == ["12,5", "Y", "2020-01-01"]
    assert 'value="12.5" data-for="field-0" data-decimal=","' in client.get("/").text, "the slider counts with a point"
    for typed, status in (("1.2,5", 422), ("17,5", 200), ("17.5", 422)):
        assert client.post("/", data={**values, "column:size": typed}).status_code == status
    assert ",".join(["12", "5"]) in client.get("/batch/template.csv").text
    assert "01/01/2020" in client.get("/batch/template.csv").text


def test_optional_fields_may_be_left_empty(client: FlaskClient) -> None:
    status, page, _ = fill(client, place="", sold="", built="NA")
    assert (status, page.notes) == (200, {})


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=30) | st.sampled_from(["nan", "-inf", "1e999", "−5"])))
def test_whatever_is_typed_gets_a_page(client: FlaskClient, typed: dict[str, str]) -> None:
    status, page, text = fill(client, **typed)
    assert status in (200, 422)
    assert (status == 422) == any("error" in line for line in re.findall(r'class="note([^"]*)"', text))
    assert not re.search(r'="-?(nan|inf)', text.split('<section class="results"')[1])
    assert page.inline == []


@pytest.mark.parametrize("path", ["/", "/batch", "/model", "/api", "/nothing"])
def test_pages_keep_their_own_rules(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers={"Accept": "text/html"})
    page = Page(answer.text)
    assert page.inline == []
    assert len(page.ids) == len(set(page.ids))
    assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", answer.text)
    assert answer.text.count("<h1>") == 1
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_model_page_says_which_model_it_is(client: FlaskClient) -> None:
    text = client.get("/model").text
    for words in ("4 to 6", "1,000", "0" * 32, "models/model.joblib", "May", "June"):
        assert words in text
    assert "Plots of the pipeline" not in text
    assert client.get("/model/card").status_code == 404
    assert client.get("/model/plots/x.png").status_code == 404


def test_plots_and_model_card_are_shown_where_they_are(tmp_path: Path) -> None:
    path = write_checkout(tmp_path / "checkout")
    (path / "plots/explore").mkdir(parents=True)
    (path / "plots/explore/one.png").write_bytes(b"\x89PNG")
    (path / "plots/data.csv").write_text("x")
    (path / "models/MODEL_CARD.md").write_text("# Card")
    client = make_app(path).test_client()
    assert "/model/plots/explore/one.png" in client.get("/model").text
    for path_, content in (("plots/explore/one.png", b"\x89PNG"), ("card", b"# Card")):
        with client.get(f"/model/{path_}") as answer:
            assert answer.data == content
    for secret in ("data.csv", "../models/scorecard.json", "..%2fdvc.lock"):
        assert client.get(f"/model/plots/{secret}").status_code == 404


def test_contributions_and_interval_are_drawn_to_scale() -> None:
    found = score(CARD, {"size": 20.0, "rooms": 1.0, "kind": "1", "place": "süd", "garden": False})
    bars = {bar.name: bar for bar in draw_contributions(CARD, found, dict.fromkeys(NAMES, ""))}
    parts = found.contributions
    for name in NAMES:
        scale = (bars[name].width / bars["size"].width, abs(parts[name]) / parts["size"])
        assert scale[0] == pytest.approx(scale[1], abs=1e-3)
        assert bars[name].is_negative == (parts[name] < 0)
    drawn = draw_distribution(CARD, found)
    assert drawn.lower < drawn.here < drawn.upper
    assert drawn.here == pytest.approx((found.prediction - 100) / 2, abs=1e-2)
    [effect] = draw_effect(CARD, CARD.columns[0], {"size": 10.0})
    assert effect.here == (50.0, effect.zero)  # type: ignore[union-attr]


def test_levels_are_drawn_in_the_order_of_the_schema() -> None:
    column = next(column for column in CARD.columns if column.name == "place")
    for order in (["süd", "north"], ["north", "süd"]):
        [drawn] = draw_effect(CARD, column.model_copy(update={"allowed": order}), {})
        assert isinstance(drawn, EffectBars)
        assert [bar.name for bar in drawn.bars] == order


PAIRS = make_pair_card()
PAIR_ROW = {"size": 5.0, "rooms": 3.0, "kind": "1", "place": "north", "garden": True, "sold": "2026-12-31"}


@pytest.mark.parametrize(
    ("name", "cells"),
    [("size", [0.0, 5.0, 20.0]), ("kind", ["1", "2"]), ("place", ["north", "süd"]), ("sold", ["2026-05-31"])],
)
def test_the_given_effect_is_what_a_changed_input_does_to_the_prediction(name: str, cells: list[Any]) -> None:
    column = next(column for column in PAIRS.columns if column.name == name)
    for cell in cells:
        row = {**PAIR_ROW, name: cell}
        found = score(PAIRS, row)
        expected = found.contributions[name] + sum(part for pair, part in found.pairs.items() if name in pair)
        drawn = draw_effect(PAIRS, column, row)[-1]
        if isinstance(drawn, EffectCurve):
            at = {float(x): float(y) for x, y in (point.split(",") for point in drawn.given.split())}
            marks = [(label.at, float(label.text.replace("−", "-"))) for label in drawn.heights]
            (start, low), (end, high) = marks[0], marks[-1]
            assert drawn.here is not None
            assert low + (drawn.here[1] - start) / (end - start) * (high - low) == pytest.approx(expected, abs=0.01)
            assert cell == 5 or at[cell * 5] == drawn.here[1]
        else:
            [here] = [bar for bar in drawn.bars if bar.is_here]
            assert here.given is not None
            trend = 0.0 if name != "sold" else found.contributions[name] - 3.0  # the chart is of the month alone
            assert float(here.given[1].replace("−", "-")) == pytest.approx(expected - trend, abs=0.05)


def test_a_heat_map_shows_values_gaps_and_the_row() -> None:
    drawn = draw_surface(PAIRS, PAIRS.surfaces[0], PAIR_ROW, -2.0)
    assert (drawn.title, drawn.amount, drawn.lowest) == ("Size × Kind", "−2.0", "−8.0")
    assert (drawn.across.here, drawn.up.here) == (25.0, 25.0)
    assert [label.text for label in drawn.up.labels] == ["flat", "house"]
    paths = dict(drawn.paths)
    assert paths["blank"] == "M0 1h20v1h-20z", "each house is between 0, with rows, and 20, without"
    assert paths["negative shade-2"].startswith("M0 0h")
    months = draw_surface(PAIRS, PAIRS.surfaces[1], {**PAIR_ROW, "place": None}, 1.0)
    assert [label.text for label in months.across.labels] == ["May", "December"]
    assert [label.text for label in months.up.labels] == ["north", "süd", "missing"]
    assert dict(months.paths)["blank"] == "M0 2h1v1h-1z"


def test_the_pairs_of_the_model_are_drawn_with_their_training_rows() -> None:
    training = {**PAIRS.training, "cv_rmse": 10.0, "cv_r2": 0.9}
    first, second = draw_pairs(PAIRS.model_copy(update={"training": training, "surfaces": PAIRS.surfaces[::-1]}))
    assert (first.drawn.title, second.drawn.title) == ("Size × Kind", "Sold: month × Place"), (
        "the strongest comes first"
    )
    assert first.strength == "± 8, 6.4% of the variance, in 100% of the folds"
    assert first.example == "At Size 0 with Kind house, it adds 8."
    assert dict(first.drawn.dots) == {"rows-2": "M100 25h0", "rows-4": "M0 25h0M0 75h0"}, "no large houses"
    assert (first.drawn.across.here, first.drawn.up.here, first.drawn.table) == (None, None, ())
    assert (second.drawn.across.names, second.drawn.up.names) == (["May", "December"], ["north", "süd", "missing"])
    assert second.drawn.table[2] == [("blank", "–", "0"), ("positive shade-2", "+1.0", "5")]
    shares = [pair.strength.split(", ")[1] for pair in draw_pairs(PAIRS)]
    assert shares == ["in 100% of the folds", "in 80% of the folds"], "without the error of the fit there is no share"


def test_pairs_are_shown_beside_the_inputs_and_can_be_chosen(tmp_path: Path) -> None:
    client = make_app(write_checkout(tmp_path / "checkout", PAIRS)).test_client()
    values = {f"column:{name}": value for name, value in defaults(PAIRS).items()}
    for focus, shown in [("kind", "Size × Kind"), ("sold.month × place", "Sold: month × Place"), ("rooms", None)]:
        text = client.post("/", data={**values, "focus": focus}).text
        assert text.count('<th scope="row">') >= len(NAMES) + 2
        titles = re.findall(r"<figcaption>(.*?) <span", text.split('id="together"')[1])
        assert titles == ([] if shown is None else [shown])
        assert f'name="focus" value="{focus}"' in text
    page = Page(client.post("/", data={**values, "column:kind": "2"}).text)
    assert page.notes["field-0-note"] == "not seen in training together with this Kind"
    assert page.notes["field-2-note"] == "not seen in training together with this Size"
    text = client.get("/model").text
    assert text.count("Heat map of") == text.count("Table of") == 1
    assert "you are here" not in text


@pytest.fixture
def locked(tmp_path: Path) -> FlaskClient:
    return make_app(write_checkout(tmp_path / "checkout"), APP_TOKEN=TOKEN, METRICS_TOKEN=TOKEN[::-1]).test_client()


def test_a_token_stands_before_everything_but_the_health_checks(locked: FlaskClient) -> None:
    for path in ("/health", "/ready", "/login", "/static/app.css"):
        with locked.get(path) as answer:
            assert answer.status_code == 200, path
    for path in ("/api/v1/model", "/version", "/api/v1/openapi.json"):
        answer = locked.get(path)
        assert (answer.status_code, answer.content_type) == (401, "application/problem+json")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert locked.get(path, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
        assert locked.get(path, headers={"Authorization": f"Bearer {TOKEN}x"}).status_code == 401
        assert locked.get(path, headers={"Accept": "*/*"}).status_code == 401, "curl is not sent to a page"
    for path in ("/", "/batch", "/model", "/api", "/nothing"):
        answer = locked.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/login")


def test_a_person_logs_in_and_out(locked: FlaskClient) -> None:
    wrong = locked.post("/login", data={"token": "guess"})
    assert wrong.status_code == 401
    assert "That is not the token." in wrong.text
    right = locked.post("/login", data={"token": TOKEN}, headers={"X-Forwarded-Proto": "https"})
    assert (right.status_code, right.headers["Location"]) == (303, "/")
    cookie = right.headers["Set-Cookie"]
    assert TOKEN not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert locked.get("/").status_code == 200
    assert locked.post("/logout").status_code == 303
    assert locked.get("/", headers={"Accept": "text/html"}).status_code == 303
    locked.set_cookie("session", "forged.cookie.value")
    assert locked.get("/", headers={"Accept": "text/html"}).status_code == 303


def test_metrics_need_their_own_token(locked: FlaskClient, client: FlaskClient) -> None:
    assert client.get("/metrics").status_code == 404  # neither a token nor a port is set
    assert locked.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 404
    assert locked.get("/metrics", headers={"Authorization": f"Bearer {TOKEN[::-1]}"}).status_code == 200


def test_a_proxy_in_front_is_believed_only_if_it_is_expected(tmp_path: Path) -> None:
    for hops, is_secure in (("0", False), ("1", True)):
        app = make_app(write_checkout(tmp_path / hops), APP_TOKEN=TOKEN, FORWARDED_HOPS=hops)
        headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/houses", "X-Forwarded-Host": "evil.example"}
        answer = app.test_client().post("/login", data={"token": TOKEN}, headers=headers)
        assert ("Secure" in answer.headers["Set-Cookie"]) == is_secure
        assert ("Strict-Transport-Security" in answer.headers) == is_secure
        assert answer.headers["Location"] == ("/houses/" if is_secure else "/")


@pytest.mark.parametrize(
    ("kind", "place", "width", "text"),
    [("1", "north", 1, None),
     ("2", "north", 2, "Wider than for an average row because of Kind house (×2.00)."),
     ("1", "süd", 0.5, "Narrower because of Place süd (×0.50)."),
     ("2", "süd", 1, "because of Kind house (×2.00). Narrower because of Place süd (×0.50).")],
)  # fmt: skip
def test_page_api_and_batch_show_what_widens_the_interval_of_this_row(
    tmp_path: Path, kind: str, place: str, width: float, text: str | None
) -> None:
    card = make_scaled_card()
    client = make_app(write_checkout(tmp_path / "checkout", card)).test_client()
    cells = defaults(card) | {"kind": kind, "place": place}
    page = client.post("/", data={f"column:{name}": cell for name, cell in cells.items()}).text
    assert (text is None) == ("average row" not in page and "Narrower" not in page)
    assert text is None or text in page
    row = {column.name: json_default(column) for column in card.columns} | {"kind": int(kind), "place": place}
    found = client.post("/api/v1/predict", json=row).get_json()
    assert found["interval_factors"] == pytest.approx(
        {"kind": 2 if kind == "2" else 1, "place": 0.5 if place == "süd" else 1}
    )
    assert found["upper"] - found["lower"] == pytest.approx(width * (20 if found["prediction"] < 200 else 40))
    table = ",".join(cells) + "\n" + ",".join(cells.values()) + "\n"
    body = table.encode()
    with client.post("/api/v1/batch", input_stream=io.BytesIO(body), content_length=len(body)) as answer:
        lower, upper = answer.text.splitlines()[1].split(",")[-3:-1]
    assert (float(lower), float(upper)) == (found["lower"], found["upper"])
