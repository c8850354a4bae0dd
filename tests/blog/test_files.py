"""The files of posts: covers with smaller images, and attachments."""

import io

import pytest
from PIL import Image

import quorum


def image(size=(640, 320), form="PNG"):
    stream = io.BytesIO()
    Image.new("RGB", size, "teal").save(stream, form)
    return stream.getvalue()


def file(data, name):
    return (io.BytesIO(data), name)


def text(**more):
    return {"title": "A title", "body": "Some text.", "tags": "", **more}


@pytest.fixture
def path(ada, until):
    """A post of Ada's with a cover and two attachments."""
    from blog.models import Post

    files = {"cover": file(image(), "me.png"), "attachments": [file(b"one", "1.txt"), file(b"two", "zwei ü.txt")]}
    answer = ada.post("/create", text(**files))
    assert answer.status_code == 302, answer.text
    until(lambda: Post.first().cover.thumbnails)
    return answer.location


def stored():
    return sorted(entry.key for entry in quorum.storage.default().entries(""))


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(quorum.storage.choice, "FolderStorage", lambda root: quorum.storage.FolderStorage(tmp_path))


def test_a_post_shows_its_cover_and_its_attachments(path, visitor):
    page = visitor.get(path).text
    assert 'width="640" height="320"' in page
    assert "zwei ü.txt" in page
    cover = visitor.get(f"{path}/cover")
    assert (cover.mimetype, Image.open(io.BytesIO(cover.data)).size) == ("image/png", (640, 320))
    small = visitor.get(f"{path}/cover?size=small")
    assert (small.mimetype, Image.open(io.BytesIO(small.data)).size) == ("image/webp", (320, 160))
    assert f'src="{path}/cover?size=small' in visitor.get("/").text
    attached = visitor.get(f"{path}/attachments/1")
    assert attached.data == b"two"
    assert attached.headers["Content-Disposition"].startswith("attachment; filename=")
    assert attached.headers["X-Content-Type-Options"] == "nosniff"


def test_what_is_not_there_is_404(ada, visitor):
    path = ada.write()
    assert visitor.get(f"{path}/cover").status_code == 404
    assert visitor.get(f"{path}/attachments/0").status_code == 404


def test_a_post_keeps_its_files_when_its_text_is_changed(path, ada):
    before = stored()
    ada.post(f"{path}/update", text(title="Other", cover=file(b"", ""), attachments=file(b"", "")))
    assert "Other" in ada.get(path).text
    assert stored() == before
    assert len(before) == 4


def test_files_are_replaced_removed_and_gone_with_the_post(path, ada, until):
    from blog.models import Post

    post = Post.first()
    ada.post(
        f"{path}/update",
        text(cover=file(image((10, 10)), "x.png"), remove=post.attachments[0].key, attachments=file(b"three", "3.txt")),
    )
    again = Post.first()
    assert [one.name for one in again.attachments] == ["zwei ü.txt", "3.txt"]
    assert again.cover.width == 10
    until(lambda: len(stored()) == 4)
    ada.post(f"{path}/update", text(remove_cover="1"))
    assert len(stored()) == 2
    ada.post(f"{path}/delete")
    assert stored() == []


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (lambda: {"cover": file(b"<svg onload=alert(1)>", "x.png")}, "it is image/svg+xml"),
        (lambda: {"cover": file(b"\0" * 5_000_001, "x.png")}, "Larger than 5 MB."),
        (
            lambda: {"attachments": [file(b"x", f"{number}.txt") for number in range(6)]},
            "Longer than maximum length 5.",
        ),
        (lambda: {"attachments": file(b"\0" * 10_000_001, "x.bin")}, "Larger than 10 MB."),
    ],
    ids=["script", "large cover", "too many", "large"],
)
def test_what_does_not_do_is_told_at_its_input_and_stores_nothing(ada, files, problem):
    with ada.post("/create", text(**files())) as answer:
        assert answer.status_code == 422
        assert problem in answer.text
        answer.request.input_stream.close()  # the test client's own
    assert stored() == []


def test_a_stranger_sends_no_large_body(visitor, ada):
    large = text(cover=file(b"\0" * 300_000, "x.png"))
    assert visitor.client.post("/create", data=large).status_code == 413
    other = {"username": "x" * 300_000}
    assert ada.client.post("/auth/login", data=other).status_code == 413


def test_a_browser_shows_how_far_an_upload_is(app, serve, chromium, tmp_path):
    pictures = tmp_path / "picture.png"
    pictures.write_bytes(image())
    page = chromium.new_page()
    page.set_default_timeout(10_000)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(serve(app) + "/auth/register")
    page.get_by_label("Username").fill("eve")
    page.get_by_label("Password").fill("correct horse")
    page.click("main >> button")
    page.click("text=Write")
    page.get_by_label("Title").fill("With a picture")
    page.get_by_label("Text").fill("Look.")
    page.get_by_label("Cover").set_input_files(str(pictures))
    page.evaluate(
        "window.bars = []; const bar = document.querySelector('progress');"
        "new MutationObserver(() => sessionStorage.shown = !bar.hidden).observe(bar, {attributes: true})"
    )
    page.get_by_role("button", name="Publish").click()
    page.wait_for_selector("h1:has-text('With a picture')")
    assert page.evaluate("sessionStorage.shown") == "true"
    assert "Your post is published." in page.locator(".flash").inner_text()
    assert page.evaluate("document.querySelector('.cover').naturalWidth") == 640
    assert not page.url.endswith("/create")
    page.reload()
    assert page.locator("h1").inner_text() == "With a picture"
    assert errors == []
    page.close()


def test_what_is_wrong_with_a_file_is_shown_with_what_is_wrong_with_the_text(ada, path):
    from blog.models import Post

    wrong = {"title": "", "cover": file(b"no image", "me.png")}
    for address in ("/create", f"{path}/update"):
        answer = ada.post(address, text(**wrong))
        assert answer.status_code == 422
        assert "it is text/plain" in answer.text
        assert "aria-invalid" in answer.text.partition('name="title"')[2].partition(">")[0]
        wrong["cover"] = file(b"no image", "me.png")
    assert Post.count() == 1
    assert len(stored()) == 4
