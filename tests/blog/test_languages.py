"""The blog in two languages."""

import re

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

PORTUGUESE = {"Accept-Language": "pt-PT,pt;q=0.9,en;q=0.5"}


def test_the_texts_of_the_sources_are_those_of_the_catalogue(blog_folder):
    with (blog_folder / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    keywords = {"_": None, "gettext": None, "ngettext": (1, 2), "message": None}
    found = {text for _, _, text, *_ in extract_from_dir(blog_folder, methods, options, keywords)}
    with (blog_folder / "blog" / "translations" / "pt" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        there = {m.id if isinstance(m.id, str) else tuple(m.id) for m in read_po(file) if m.id}
    assert len(found) > 60
    assert found == there


def test_a_browser_gets_the_language_that_it_asks_for(visitor):
    page = visitor.get("/", headers=PORTUGUESE)
    assert '<html lang="pt-PT">' in page.text
    assert "Ainda ninguém escreveu nada." in page.text
    assert page.headers["Content-Language"] == "pt-PT"
    assert {"accept-language", "cookie"} <= page.vary.as_set()
    assert '<html lang="en-US">' in visitor.get("/").text


def test_the_switch_at_the_foot_of_a_page_holds_from_there_on(ada):
    path = ada.write(tags="cats")
    for page in ("/", "/tags/cats", path, f"{path}/update", "/auth/login"):
        assert f'href="{page}?locale=pt_pt" lang="pt-PT"' in ada.get(page).text
    assert "Sair" in ada.get("/?locale=pt_pt").text
    there = ada.get(path).text
    assert "Editar" in there
    assert f'href="{path}?locale=en_us" lang="en-US"' in there
    assert "Log out" in ada.get(f"{path}?locale=en_us").text


def test_the_switch_keeps_what_else_the_address_says(visitor):
    page = visitor.get("/auth/login?next=/create&_external=1&_scheme=javascript&locale=en_us").text
    assert 'href="/auth/login?next=%2Fcreate&amp;_external=1&amp;_scheme=javascript&amp;locale=pt_pt"' in page


def test_pages_that_came_of_a_form_or_are_not_there_switch_to_the_newest_posts(ada):
    assert 'href="/?locale=pt_pt"' in ada.post("/create", {"title": "", "body": ""}).text
    assert 'href="/?locale=pt_pt"' in ada.get("/nowhere").text


def test_dates_are_written_as_in_the_language(ada):
    ada.write()
    written = re.compile(r"<time [^>]*>([^<]+)</time>")
    assert re.fullmatch(r"[A-Z][a-z]+ \d+, \d{4}", written.search(ada.get("/").text)[1])
    assert re.fullmatch(r"\d+ de [a-zç]+ de \d{4}", written.search(ada.get("/?locale=pt").text)[1])


def test_what_is_wrong_with_a_form_is_told_in_the_language(ada):
    ada.get("/?locale=pt")
    page = ada.post("/create", {"title": "x" * 121, "body": "", "tags": "$gt"}).text
    assert "Mais longo do que o comprimento máximo de 120." in page
    assert "Escreva aqui alguma coisa." in page
    assert "Não é uma etiqueta: $gt. Use letras, algarismos" in page


def test_what_the_blog_says_is_in_the_language(visitor):
    visitor.get("/?locale=pt")
    assert visitor.register("a", "short").text.count("O comprimento tem de estar entre 8 e 128.") == 1
    assert "O comprimento tem de estar entre 2 e 30." in visitor.register("a").text
    assert visitor.register("Eva!").text.count("Use só letras de a a z") == 1
    assert visitor.register("eva").status_code == 302
    assert "Olá, eva." in visitor.get("/").text
    visitor.post("/auth/logout")
    assert "Terminou a sessão." in visitor.get("/").text
    assert "Já existe." in visitor.register("eva").text
    assert "O nome de utilizador ou a palavra-passe está errado." in visitor.login("eva", "wrong").text


def test_comments_are_counted_in_the_language(ada):
    path = ada.write()
    ada.get("/?locale=pt")
    for count in ("1 comentário<", "2 comentários<"):
        ada.post(f"{path}/comments", {"text": "Muito bem."})
        assert count in ada.get("/").text


@pytest.mark.parametrize(
    ("path", "method", "told"),
    [("/nowhere", "GET", "Página não encontrada"), ("/create", "PATCH", "Método não permitido")],
)
def test_errors_are_told_in_the_language(visitor, path, method, told):
    answer = visitor.client.open(path, method=method, headers=PORTUGUESE)
    assert told in answer.text
    assert "server" not in answer.text


def test_nothing_comes_from_elsewhere_in_either_language(visitor):
    for locale in ("en_us", "pt_pt"):
        answer = visitor.get(f"/?locale={locale}")
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert re.findall('(?:href|src)="(?![/#]).*', answer.text) == []
