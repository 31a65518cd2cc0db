import pytest

from scleromyomics.core import provenance


def forget():
    for cached in (provenance.code_digest, provenance._read, provenance._path):
        cached.cache_clear()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of two modules, `top` importing `base`; `write(name, code)` changes one and gives top's digest."""
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "__init__.py").write_text("")

    def write(name, code):
        (tmp_path / "own" / f"{name}.py").write_text(code)
        forget()
        return provenance.code_digest("own.top")

    write("base", "def one():\n    return 1\n")
    yield write
    forget()


TOP = '"""Doc."""\nfrom own.base import one\n\n\ndef two():\n    """Doc."""\n    return one() + 1\n'


def test_a_comment_or_docstring_changes_nothing(package):
    before = package("top", TOP)
    assert package("top", TOP.replace("Doc.", "Other.") + "# more\n") == before


def test_an_operator_changes_the_digest(package):
    before = package("top", TOP)
    assert package("top", TOP.replace("+", "-")) != before


def test_a_changed_import_changes_the_digest(package):
    before = package("top", TOP)
    assert package("base", "def one():\n    return 2\n") != before


def test_a_changed_template_changes_the_digest(package, tmp_path):
    before = package("top", TOP)
    (tmp_path / "own" / "templates").mkdir()
    (tmp_path / "own" / "templates" / "page.html").write_text("<p>")
    assert package("top", TOP) != before


def test_every_module_of_the_project_has_a_digest():
    assert len(provenance.code_digest("scleromyomics.core.files")) == 12
