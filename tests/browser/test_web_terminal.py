"""The web terminal in a real browser against the real front and adapter, with the echo game behind them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from doubles.echo_game import HOSTILE
from doubles.game_server import GameServer
from playwright.sync_api import BrowserContext, Locator, Page, expect

pytestmark = pytest.mark.browser

WINDOW = 64
PATIENCE = 10_000
"""Milliseconds."""


def type_line(page: Page, line: str) -> None:
    page.locator("#command").fill(line)
    page.keyboard.press("Enter")


def log_in(page: Page, server: GameServer) -> None:
    page.goto(server.url)
    expect(page.locator("#prompt")).to_have_text("Account name: ")
    type_line(page, "ann")
    page.locator("#password").fill("secret")
    page.keyboard.press("Enter")
    expect(page.locator("#prompt")).to_have_text("20/20 hp> ")


def entries(page: Page, kind: str = "") -> Locator:
    return page.locator(f"#log .entry{kind}")


def wait_for(page: Page, script: str, argument: Any = None) -> None:
    page.wait_for_function(script, arg=argument, timeout=PATIENCE)


def test_a_password_is_hidden_and_leaves_no_trace_in_the_page(page: Page, server: GameServer) -> None:
    page.goto(server.url)
    expect(page.locator("#command")).to_be_focused()
    type_line(page, "ann")
    expect(page.locator("#password")).to_be_focused()
    expect(page.locator("#password")).to_have_attribute("type", "password")
    expect(page.locator("#command")).to_be_hidden()

    page.keyboard.type("secret")
    page.keyboard.press("Enter")

    expect(page.locator("#command")).to_be_focused()
    expect(entries(page, ".room")).to_have_count(1)
    assert server.game.logins == [("ann", "secret")]
    assert "secret" not in page.content()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#command")).to_have_value("")


def test_a_password_typed_in_one_line_does_not_stay_in_sight(page: Page, server: GameServer) -> None:
    page.goto(server.url)
    expect(page.locator("#prompt")).to_have_text("Account name: ")

    type_line(page, "connect ann correct-horse Ann")

    expect(entries(page, ".command")).to_have_text("connect ann ••• Ann")
    assert "correct-horse" not in page.content()


def test_every_kind_of_output_is_text_on_the_page(page: Page, server: GameServer) -> None:
    log_in(page, server)
    type_line(page, "tour")
    expect(entries(page, ".system")).to_have_text("Your character is saved.")

    room = entries(page, ".room").last.inner_text().split("\n")
    assert room[0] == "The Green"
    assert room[2:] == [
        "Exits: north, east, mill.",
        "Here: Tobin the miller, a straw dummy.",
        "On the ground: a brass lantern, three apples.",
    ]
    expect(entries(page, ".text").first).to_have_text("A cart rattles past, and its driver nods to you.")
    expect(page.locator("#log .speech").first).to_contain_text("Mind the dog")
    expect(page.locator("#log .channel")).to_have_text("[ooc] Ann: evening, all")
    expect(entries(page, ".formatted").first).to_have_text("You see a brass lantern, lit.")
    expect(entries(page, ".formatted").last).to_have_attribute("aria-hidden", "true")
    expect(entries(page, ".structured")).to_have_text("In the world: 2\nAnn\nBen")
    expect(entries(page, ".combat")).to_have_text("Critical! You strike the straw dummy: 5 damage.")


def test_what_another_player_writes_is_text_and_only_web_addresses_are_links(
    page: Page, server: GameServer
) -> None:
    log_in(page, server)
    type_line(page, "tour")
    expect(entries(page, ".system")).to_be_visible()

    hostile = page.locator("#log .entry", has_text="javascript:").inner_text()
    links = page.locator("#log a")

    assert hostile == re.sub("\x1b", "", HOSTILE)
    assert page.locator("#log img, #log script").count() == 0
    assert page.title() == "Wyld"
    expect(links).to_have_count(1)
    expect(links).to_have_attribute("href", "https://example.org/dog")
    expect(links).to_have_attribute("rel", "noopener noreferrer")


def test_states_fill_the_panes(page: Page, server: GameServer) -> None:
    log_in(page, server)
    expect(page.locator("#panes")).to_be_hidden()
    type_line(page, "tour")
    facts = page.locator("#panes .pane-fact")

    expect(facts).to_have_text(["20 of 20", "The Green", "wet", "1 thing", "3 things"])
    assert page.locator("#panes .pane-title").all_inner_texts() == [
        "Health",
        "Room",
        "Condition",
        "Worn",
        "Carried",
    ]
    page.locator("#panes summary", has_text="Carried").click()
    expect(page.locator("#panes li", has_text="apple (3)")).to_be_visible()

    type_line(page, "hurt")
    expect(facts.first).to_have_text("4 of 20")
    expect(page.locator("#panes meter")).to_have_js_property("value", 4)


def test_a_command_is_marked_until_it_is_acknowledged_and_a_lost_one_is_never_sent_again(
    page: Page, server: GameServer
) -> None:
    log_in(page, server)
    type_line(page, "say hello")
    expect(entries(page, ".command.done")).to_have_text(["ann", "say hello"])
    type_line(page, "hush")
    type_line(page, "say lost")
    expect(entries(page, ".command.sent")).to_have_text(["hush", "say lost"])

    type_line(page, "drop")

    expect(page.locator("#prompt")).to_have_text("Account name: ")
    expect(entries(page, ".command.lost")).to_have_text(
        ["hush (not sent)", "say lost (not sent)", "drop (not sent)"]
    )
    expect(page.locator("#status")).to_have_text("connected")
    assert server.game.commands == ["say hello", "hush", "say lost", "drop"]


def test_back_at_the_login_lines_are_unnumbered_again(page: Page, server: GameServer) -> None:
    log_in(page, server)
    type_line(page, "tour")
    expect(page.locator("#panes")).to_be_visible()

    type_line(page, "detach")

    expect(entries(page, ".command.lost")).to_have_text("detach (not sent)")
    expect(page.locator("#panes")).to_be_hidden()
    type_line(page, "again")
    expect(entries(page, ".room")).to_have_count(3)
    assert server.game.logins == [("ann", "secret"), ("ann", "again")]


def test_more_than_the_window_waits_in_the_page(page: Page, server: GameServer) -> None:
    log_in(page, server)
    type_line(page, "hush")
    expect(entries(page, ".command.sent")).to_have_count(1)

    page.locator("#command").fill("\n".join(f"say {i}" for i in range(WINDOW + 5)))
    expect(page.locator("#send")).to_have_text(f"Send {WINDOW + 5} lines")
    page.keyboard.press("Enter")

    expect(entries(page, ".command.sent")).to_have_count(WINDOW)
    expect(entries(page, ".command.held")).to_have_count(6)
    expect(page.locator("#log .speech").last).to_have_text(f'You say, "{WINDOW - 2}"')
    assert len(server.game.commands) == WINDOW


def test_the_page_comes_back_when_the_gateway_does(page: Page) -> None:
    server = GameServer()
    with server.running():
        log_in(page, server)
    expect(page.locator("#status")).to_contain_text("reconnecting")

    page.locator("#command").fill("say kept")
    page.keyboard.press("Enter")

    expect(page.locator("#command")).to_have_value("say kept")
    expect(page.locator("#hint")).to_contain_text("Not connected")
    with server.running():
        expect(page.locator("#prompt")).to_have_text("Account name: ", timeout=2 * PATIENCE)
        expect(page.locator("#status")).to_have_text("connected")
        expect(page.locator("#command")).to_have_value("say kept")


def test_a_network_that_went_away_without_a_word_is_noticed_when_it_is_back(
    context: BrowserContext, page: Page, server: GameServer
) -> None:
    log_in(page, server)
    context.set_offline(True)
    type_line(page, "drop")
    expect(page.locator("#status")).to_have_text("offline")

    context.set_offline(False)

    expect(page.locator("#prompt")).to_have_text("Account name: ")
    expect(page.locator("#status")).to_have_text("connected")


@pytest.mark.parametrize(("command", "word"), [("quit", "closed"), ("kick", "replaced")])
def test_after_a_last_goodbye_the_page_stays_away_until_it_is_asked(
    page: Page, server: GameServer, command: str, word: str
) -> None:
    log_in(page, server)
    type_line(page, command)
    expect(page.locator("#status")).to_have_text(word)
    expect(entries(page, ".notice").nth(-2)).to_contain_text("Goodbye.")
    expect(page.locator("#alert")).to_contain_text("Goodbye.")

    page.get_by_role("button", name="Connect again").click()

    expect(page.locator("#status")).to_have_text("connected")
    expect(page.get_by_role("button", name="Connect again")).to_be_hidden()


def test_the_log_is_bounded_follows_the_end_and_stays_put_for_readers(page: Page, server: GameServer) -> None:
    log_in(page, server)
    type_line(page, "flood 7000")
    expect(entries(page).last).to_have_text("Line 7000 of 7000.")
    at_end = "() => { const v = document.getElementById('output'); return v.scrollTop + v.clientHeight >= v.scrollHeight - 1; }"
    wait_for(page, at_end)
    assert 5000 <= entries(page).count() <= 5500

    page.locator("#command").focus()
    page.keyboard.press("PageUp")
    wait_for(page, f"() => !({at_end})()")
    before = page.locator("#output").evaluate("view => view.scrollTop")
    page.evaluate("() => document.getElementById('command').blur()")
    page.evaluate("() => window.testTop = document.getElementById('output').scrollTop")
    server.happen("flood 3")
    newer = page.get_by_role("button", name="3 new lines")
    expect(newer).to_be_visible()
    assert page.locator("#output").evaluate("view => view.scrollTop") == before

    newer.click()

    wait_for(page, at_end)
    expect(newer).to_be_hidden()


COUNT_SPOKEN = """() => {
  window.spoken = [];
  new MutationObserver((changes) => {
    for (const change of changes) for (const node of change.addedNodes) window.spoken.push(node.textContent);
  }).observe(document.getElementById("spoken"), { childList: true });
}"""


def test_each_new_line_is_announced_once_and_drawings_never(page: Page, server: GameServer) -> None:
    log_in(page, server)
    page.evaluate(COUNT_SPOKEN)
    type_line(page, "flood 50")
    expect(entries(page).last).to_have_text("Line 50 of 50.")

    assert page.evaluate("window.spoken") == [f"Line {i} of 50." for i in range(1, 51)]
    assert page.locator("#output [aria-live], #output [role=log], #panes [aria-live]").count() == 0

    type_line(page, "tour")
    expect(entries(page, ".system")).to_be_visible()
    spoken = page.evaluate("window.spoken.slice(50)")
    assert len(spoken) == 9
    assert not any("/\\" in text for text in spoken)
    assert spoken[0].split("\n")[2:] == [
        "Exits: north, east, mill.",
        "Tobin the miller.",
        "A straw dummy.",
        "A brass lantern, on the ground.",
        "Three apples, on the ground.",
    ]
    page.keyboard.press("Alt+2")
    assert page.evaluate("window.spoken.at(-1)") == re.sub("\x1b", "", HOSTILE)


def test_everything_is_reached_by_keyboard(page: Page, server: GameServer) -> None:
    log_in(page, server)
    type_line(page, "tour")
    expect(page.locator("#panes")).to_be_visible()

    page.keyboard.press("F6")
    expect(page.locator("#output")).to_be_focused()
    page.keyboard.press("F6")
    expect(page.locator("#panes summary").first).to_be_focused()
    page.keyboard.press("F6")
    expect(page.locator("#command")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#send")).to_be_focused()
    page.reload()
    page.locator("h1").click()
    page.keyboard.press("Shift+Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#send")).to_be_focused()


def test_history_offers_what_begins_with_what_is_typed(page: Page, server: GameServer) -> None:
    log_in(page, server)
    box = page.locator("#command")
    for line in ["say one", "look", "say two"]:
        type_line(page, line)

    box.press_sequentially("sa")
    box.press("ArrowUp")
    expect(box).to_have_value("say two")
    box.press("ArrowUp")
    expect(box).to_have_value("say one")
    box.press("ArrowDown")
    box.press("ArrowDown")
    expect(box).to_have_value("sa")
    box.press("Escape")
    expect(box).to_have_value("")


def test_lines_of_a_paste_go_one_by_one_and_a_line_that_is_too_long_stays(
    page: Page, server: GameServer
) -> None:
    log_in(page, server)
    box = page.locator("#command")
    box.press_sequentially("say a")
    box.press("Shift+Enter")
    box.press_sequentially("say b")
    box.press("Enter")
    expect(page.locator("#log .speech")).to_have_text(['You say, "a"', 'You say, "b"'])

    box.fill("say " + "ü" * 3000)
    box.press("Enter")

    expect(page.locator("#hint")).to_contain_text("4096 bytes")
    assert server.game.commands == ["say a", "say b"]


@pytest.mark.parametrize(
    "viewport", [(390, 844), (844, 390), (320, 568)], ids=["portrait", "landscape", "small"]
)
def test_a_phone_shows_text_and_command_line_without_sideways_scrolling(
    page: Page, server: GameServer, viewport: tuple[int, int]
) -> None:
    width, height = viewport
    page.set_viewport_size({"width": width, "height": height})
    log_in(page, server)
    type_line(page, "tour")
    expect(entries(page, ".system")).to_be_visible()
    box = page.locator("#command").bounding_box()

    assert box is not None
    assert box["y"] + box["height"] <= height
    assert box["height"] >= 44
    assert page.locator("#output").evaluate("view => view.clientHeight") >= 100
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert (
        float(page.locator("#command").evaluate("e => getComputedStyle(e).fontSize").removesuffix("px")) >= 16
    )


def test_nothing_is_asked_of_anybody_else_and_inline_scripts_do_not_run(
    page: Page, server: GameServer
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    log_in(page, server)

    page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "document.title = 'taken over'";
          document.body.append(script);
        }"""
    )

    assert page.title() == "Wyld"
    assert {url for url in asked if not url.startswith(server.url)} == set()


def test_focus_stays_where_the_player_put_it(page: Page, server: GameServer) -> None:
    log_in(page, server)
    page.locator("#output").focus()
    server.happen("tour")
    expect(entries(page, ".system")).to_be_visible()

    expect(page.locator("#output")).to_be_focused()
