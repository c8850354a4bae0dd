"""Whatever is done to documents with files, in whatever order: the storage has what they name, and nothing else."""

import os

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

import quorum
from quorum import errors


class Note(quorum.EmbeddedModel):
    file: quorum.File


class Page(quorum.Model):
    title: str = quorum.field(unique=True)
    cover: quorum.File | None = None
    files: list[quorum.File] = []
    notes: list[Note] = []


DATA = st.binary(max_size=20)


class Machine(RuleBasedStateMachine):
    """Documents of which some copies are stale, and titles that may be taken."""

    pages = Bundle("pages")

    def __init__(self):
        super().__init__()
        os.environ["MONGOHQ_URL"] = "mongomock://"
        quorum.load(name="pages", models=[Page])

    def teardown(self):
        quorum.unload()
        del os.environ["MONGOHQ_URL"]

    @rule(target=pages, title=st.integers(0, 5), cover=st.none() | DATA, files=st.lists(DATA, max_size=2))
    def create(self, title, cover, files):
        page = Page(title=str(title), cover=cover, files=files)
        self.save(page)
        return page

    @rule(target=pages, page=pages)
    def load_a_copy(self, page):
        return Page.first(id=page.id) or page

    @rule(page=pages, data=st.none() | DATA)
    def replace(self, page, data):
        self.change(page, cover=data)

    @rule(page=pages, other=pages)
    def take_from_another(self, page, other):
        self.change(page, files=[*page.files, *filter(None, [other.cover])])

    @rule(page=pages, data=DATA)
    def add_a_note(self, page, data):
        self.change(page, notes=[*page.notes, Note(file=data)])

    @rule(page=pages)
    def drop_the_first(self, page):
        self.change(page, files=page.files[1:], notes=page.notes[1:])

    @rule(page=pages, title=st.integers(0, 5), data=DATA)
    def rename_and_replace(self, page, title, data):
        self.change(page, title=str(title), cover=data)

    @rule(page=pages, data=DATA)
    def push(self, page, data):
        self.attempt(lambda: page.push("files", data))

    @rule(page=pages)
    def pull(self, page):
        self.attempt(lambda: page.files and page.pull("files", page.files[0]))

    @rule(page=consumes(pages))
    def delete(self, page):
        self.attempt(page.delete)

    @rule(title=st.integers(0, 5))
    def delete_by_query(self, title):
        Page.find(title=str(title)).delete()

    def change(self, page, **values):
        for name, value in values.items():
            self.attempt(lambda name=name, value=value: setattr(page, name, value))
        self.save(page)

    def save(self, page):
        self.attempt(page.save)

    def attempt(self, use):
        try:
            use()
        except (errors.ConflictError, errors.ValidationError, errors.NotFoundError):
            return

    @invariant()
    def the_storage_has_what_is_named(self):
        stored = sorted(entry.key for entry in quorum.storage.default().entries(""))
        named = []
        for page in Page.collection.find():
            files = [page.get("cover"), *page.get("files", ()), *(note["file"] for note in page.get("notes", ()))]
            named += {file["key"] for file in files if file}
        assert stored == sorted(named)


@pytest.mark.promise("U1")
def test_any_sequence_of_changes_keeps_files_and_documents_in_step():
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(Machine, settings=settings(max_examples=25, stateful_step_count=25, deadline=None))
