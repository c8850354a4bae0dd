"""The blog in a browser, as a person uses it."""

import pytest


@pytest.fixture
def page(chromium):
    page = chromium.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
    page.set_default_timeout(10_000)
    yield page
    page.close()


def test_somebody_registers_writes_and_comments(app, serve, page, tmp_path):
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    url = serve(app)

    page.goto(url)
    page.click("text=Write the first post")
    page.click("main >> text=Register")
    page.get_by_label("Username").fill("Ada")
    page.get_by_label("Password").fill("correct horse")
    page.click("main >> button")

    page.get_by_label("Title").fill("Notes on the engine")
    page.get_by_label("Text").fill("It weaves patterns.\n\nAs the loom weaves flowers.")
    page.get_by_label("Tags").fill("maths, looms")
    page.get_by_role("button", name="Publish").click()
    assert page.locator("h1").inner_text() == "Notes on the engine"
    assert page.locator(".prose p").count() == 2

    page.get_by_label("Your comment").fill("And leaves.")
    page.get_by_role("button", name="Comment").click()
    assert page.locator(".comments .text").inner_text() == "And leaves."

    picture = tmp_path / "post.png"
    page.screenshot(path=str(picture), full_page=True)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(23, 22, 19)"

    page.click(".tags >> text=looms")
    page.click("text=Notes on the engine")
    page.click("summary")
    page.get_by_role("button", name="Delete this post").click()
    assert "Your post is deleted." in page.locator(".flash").inner_text()
    page.get_by_role("button", name="Log out").click()
    assert "You are logged out." in page.locator(".flash").inner_text()
    assert errors == []


def test_somebody_switches_the_language_and_back(app, serve, page):
    page.goto(serve(app))
    page.click("footer >> text=Português")
    assert page.locator("h1").text_content() == "Textos mais recentes"
    page.click("text=Iniciar sessão")
    assert page.locator("h1").inner_text() == "Iniciar sessão"
    assert page.evaluate("document.documentElement.lang") == "pt-PT"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.click("footer >> text=English")
    assert page.locator("h1").inner_text() == "Log in"
