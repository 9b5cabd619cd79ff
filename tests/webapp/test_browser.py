"""The pages in a real browser: the system's Chromium, driven by Playwright; accessibility judged by axe-core."""

import csv
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.helpers.monitoring import write_findings
from tests.helpers.serving import TOKEN, Server, make_card, make_pair_card, serve, write_checkout
from tests.helpers.skipping import needs
from webapp.scoring.scorer import score

pytestmark = pytest.mark.slow

CARD = make_card()
START = {"size": 10.0, "rooms": 3.0, "kind": "1", "place": "north", "garden": True,
         "sold": "2026-12-31T00:00", "built": "2020-01-01"}  # fmt: skip
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run"]  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    checkout = write_checkout(tmp_path_factory.mktemp("browser") / "checkout")
    write_findings(checkout / "monitoring")
    with serve(checkout) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    needs("chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    context = browser.new_context(base_url=server.url)
    opened = context.new_page()
    problems: list[str] = []
    hosts: set[str] = set()
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    opened.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    opened.goto("/")
    yield opened
    context.close()
    assert hosts == {f"127.0.0.1:{server.port}"}
    assert [problem for problem in problems if "422" not in problem] == []  # a form with a mistake is answered 422


def predicted(**changes: Any) -> str:
    """The headline of a prediction, from the form's start with some changes."""
    return f"{score(CARD, {**START, **changes}).prediction:.0f}"


def total(page: Page) -> float:
    """The average and all the contributions that the page shows, added up."""
    amounts = page.locator("#why tbody .number").all_text_contents()
    average = re.search(r"average prediction of ([\d.,]+)", page.locator("#why caption").inner_text())
    assert average is not None
    return float(average[1]) + sum(float(amount.replace("−", "-")) for amount in amounts)


def test_a_moved_slider_moves_the_prediction_and_its_reasons(page: Page) -> None:
    big, size = page.locator("#headline strong"), page.get_by_label("Size, slider")
    expect(big).to_have_text(predicted())
    size.focus()
    for _ in range(5):
        size.press("ArrowRight")
    moved = float(page.get_by_label("Size m²", exact=True).input_value())
    assert moved > 10
    expect(big).to_have_text(predicted(size=moved))
    expect(page.locator("#why tbody tr", has_text="Size").locator(".number")).to_have_text(f"+{4 * (moved - 10):.1f}")
    expect(page.locator("#effect figcaption")).to_have_text("Size (m²)")
    assert total(page) == pytest.approx(score(CARD, {**START, "size": moved}).prediction, abs=0.5)
    dot = page.locator("#effect circle")
    assert float((dot.get_attribute("cx") or "").rstrip("%")) == pytest.approx(moved * 5, abs=0.1)


def test_typing_gets_prediction_warning_and_message(page: Page) -> None:
    big, size, note = page.locator("#headline strong"), page.get_by_label("Size m²", exact=True), "#field-0-note"
    size.fill("40")
    expect(big).to_have_text(predicted(size=40))
    expect(page.locator(note)).to_contain_text("outside the training range (0 to 20)")
    size.fill("many")
    expect(page.locator(note)).to_have_text("must be a number")
    expect(size).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#headline")).to_contain_text("Please correct: Size")
    size.fill("0")
    expect(big).to_have_text(predicted(size=0))
    expect(page.locator(note)).to_be_empty()
    page.get_by_label("Kind").select_option("house")
    expect(big).to_have_text(predicted(size=0, kind="2"))
    page.get_by_label("Place").fill("süd")
    expect(big).to_have_text(predicted(size=0, kind="2", place="süd"))
    expect(page.locator("#effect .is-here")).to_contain_text("süd")
    page.get_by_label("Sold").fill("2026-06-15T12:00")
    expect(big).to_have_text(predicted(size=0, kind="2", place="süd", sold="2026-06-15T12:00"))


def test_a_csv_goes_up_and_comes_back_scored(page: Page, tmp_path: Path) -> None:
    source, target = tmp_path / "cases.csv", tmp_path / "predictions.csv"
    source.write_text("size,rooms,kind,garden,note\n10,3,1,true,=1+1\nx,3,1,true,\n")
    page.get_by_role("link", name="Batch").click()
    page.get_by_label("CSV file").set_input_files(source)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Score the table").click()
    waiting.value.save_as(target)
    assert waiting.value.suggested_filename == "predictions.csv"
    with target.open(newline="") as file:
        rows = list(csv.DictReader(file))
    expected = score(CARD, {"size": 10.0, "rooms": 3.0, "kind": "1", "garden": True})
    assert float(rows[0]["prediction"]) == expected.prediction
    assert (rows[0]["note"], rows[1]["reason"]) == ("'=1+1", "size must be a number")
    page.get_by_label("CSV file").set_input_files({"name": "x.csv", "mimeType": "text/csv", "buffer": b"a,b\n1,2\n"})
    page.get_by_role("button", name="Score the table").click()
    expect(page.get_by_role("status")).to_contain_text("names no column of the model")


def test_everything_can_be_reached_with_the_keyboard(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.getAttribute('aria-label')"))
    assert {f"field-{place}" for place in range(len(CARD.columns))} <= reached
    assert "Size, slider" in reached


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/batch", "/model", "/api", "/monitoring"])
def test_axe_finds_nothing(browser: Browser, server: Server, path: str, scheme: Any) -> None:
    context = browser.new_context(base_url=server.url, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto(path)
    if path == "/":
        page.get_by_label("Size m²", exact=True).fill("40")
        page.get_by_label("Rooms", exact=True).fill("2.5")
        expect(page.locator("#field-1-note")).to_have_text("must be a whole number")
    found = Axe().run(page)
    context.close()
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", [320, 390, 768])
def test_nothing_runs_over_the_edge_of_a_phone(browser: Browser, server: Server, width: int) -> None:
    context = browser.new_context(base_url=server.url, viewport={"width": width, "height": 800}, has_touch=True)
    page = context.new_page()
    for path in ("/", "/batch", "/model", "/api", "/monitoring"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    context.close()


def test_without_javascript_the_form_is_posted(browser: Browser, server: Server) -> None:
    context = browser.new_context(base_url=server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    page.get_by_label("Size m²", exact=True).fill("20")
    page.keyboard.press("Enter")
    expect(page.locator("#headline strong")).to_have_text(predicted(size=20))
    page.get_by_role("button", name="effect of Rooms").click()
    expect(page.locator("#effect figcaption")).to_have_text("Rooms")
    expect(page.locator("#headline strong")).to_have_text(predicted(size=20))
    expect(page.get_by_label("Size, slider")).to_be_hidden()
    context.close()


@pytest.mark.parametrize("has_script", [True, False])
def test_a_pair_is_chosen_by_its_bar(browser: Browser, tmp_path: Path, has_script: bool) -> None:
    with serve(write_checkout(tmp_path / "checkout", make_pair_card())) as running:
        context = browser.new_context(
            base_url=running.url,
            java_script_enabled=has_script,
            viewport={"width": 320, "height": 800},
            bypass_csp=True,
        )
        page = context.new_page()
        page.goto("/")
        button = page.get_by_role("button", name="Show Sold: month × Place")
        button.click()
        expect(page.locator("#together figcaption")).to_contain_text("Sold: month × Place")
        expect(page.locator("#why .is-here")).to_contain_text("Sold: month × Place")
        expect(page.get_by_role("img", name="Heat map of")).to_be_visible()
        if has_script:
            expect(button).to_be_focused()
            for path in (None, "/model"):
                if path:
                    page.goto(path)
                assert page.evaluate("document.documentElement.scrollWidth") <= 320
                found = Axe().run(page)
                assert found.violations_count == 0, found.generate_report()
        context.close()


def test_a_person_logs_in(browser: Browser, tmp_path: Path) -> None:
    with serve(write_checkout(tmp_path / "checkout"), APP_TOKEN=TOKEN) as running:
        context = browser.new_context(base_url=running.url)
        page = context.new_page()
        page.goto("/model")
        page.get_by_label("Access token").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("status")).to_have_text("That is not the token.")
        page.get_by_label("Access token").fill(TOKEN)
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("#headline strong")).to_have_text(predicted())
        page.get_by_label("Size m²", exact=True).fill("20")
        expect(page.locator("#headline strong")).to_have_text(predicted(size=20))
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        context.close()
