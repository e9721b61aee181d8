"""British spelling, no secrets, and nothing about the machine that a file was written on."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, package_modules, python_files, shown, text_files, tree

AMERICAN = re.compile(
    r"""
    # initialize and emphasize, but not size, prize, seize, maize
    (?:[a-z]*(?<!s)(?<!pr)(?<!se)(?<!ma)|(?:empha|hypothe|parenthe|synthe)s)iz(?:e|es|ed|ing|er|ers|ation|ations|able)
    | [a-z]*lyz(?:e|es|ed|ing|er|ers)
    | (?:un)?(?:behavior|color|favor|flavor|harbor|honor|labor|neighbor|rumor)[a-z]*
    | (?:re)?center(?:s|ed|ing)? | gray(?:s|ed|scale)? | (?:de|of)fense[s]?
    | (?:cancel|label|level|model|signal|total|travel)(?:ed|ing|er) | fulfill | judgment | artifacts?
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Words of CSS, HTTP, drawing libraries and venues, which may stand in strings that are handed to them.
INTERFACE = re.compile(
    r"(?:color|center|gray|behavior|authoriz)\w*|\w*colors?|(?:\b|PARTIALLY_|PartiallyFilled)canceled", re.IGNORECASE
)
WORD = re.compile(r"[A-Za-z][a-z]+|[A-Z]{2,}")
CODE = re.compile(r"``.+?``|`[^`\n]+`|```.*?```", re.DOTALL)

SECRET = re.compile(
    r"""
    AKIA[0-9A-Z]{16}
    | -----BEGIN\ [A-Z\ ]*PRIVATE\ KEY
    | \b(?:gh[pousr]|github_pat|glpat|xox[abpr]|sk_live|sk-ant)[-_][A-Za-z0-9_-]{16,}
    | (?i:secret|passw(?:or)?d|api_?key|token)\w*["']?\s*[:=]\s*["'][A-Za-z0-9+/=_-]{16,}["']
    """,
    re.VERBOSE,
)


NAMED_BY_LIBRARIES = {"_optimize_final_module", "_finalize_final_module", "serialize_using_object_code"}
"""Methods of Numba's classes that ours replace."""


def american(text: str) -> list[str]:
    return [word for word in WORD.findall(text) if AMERICAN.fullmatch(word)]


def own_words(path: Path) -> Iterator[str]:
    """Yield what a Python file says in its own words: comments, strings, and the names that it gives."""
    with tokenize.open(path) as file:
        source = file.read()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield CODE.sub("", token.string)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield "" if node.name in NAMED_BY_LIBRARIES else node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield INTERFACE.sub("", CODE.sub("", node.value))


def test_the_project_spells_as_the_british_do() -> None:
    found = {
        shown(path): words
        for path in python_files()
        if path != Path(__file__) and (words := [word for text in own_words(path) for word in american(text)])
    }
    assert found == {}


def test_the_documentation_spells_as_the_british_do() -> None:
    found = {
        shown(path): words
        for path in text_files()
        if path.suffix == ".md" and (words := american(CODE.sub("", path.read_text(encoding="utf-8"))))
    }
    assert found == {}


@pytest.mark.parametrize(
    "word", ["initialize", "Normalized", "optimizer", "emphasized", "behavior", "colors", "analyzed", "canceled"]
)
def test_an_american_word_is_found(word: str) -> None:
    assert american(f"a {word} here") == [word]


@pytest.mark.parametrize("word", ["size", "resized", "prize", "seized", "horizon", "behaviour", "colour", "catalog"])
def test_a_british_word_passes(word: str) -> None:
    assert american(f"a {word} here") == []


def test_no_file_holds_a_secret() -> None:
    found = [
        f"{shown(path)}:{number}"
        for path in text_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if SECRET.search(line)
    ]
    assert found == []


def test_a_secret_would_be_seen() -> None:
    letters = "AbCdEfGhIjKlMnOpQr"
    for line in (f'api_key = "{letters}"', f"-----BEGIN RSA PRIVATE {'KEY'}", f"token: '{letters}'", f"ghp_{letters}"):
        assert SECRET.search(line) is not None, line


def test_no_file_names_the_machine_that_it_was_written_on() -> None:
    """Absolute paths of homes and of the checkout's surroundings work for one person only."""
    own = {str(Path.home()), str(ROOT), str(ROOT.parent)} - {"/", "/tmp"}
    private = re.compile(
        "|".join([r"(?<![\w.])/(?:home|Users|mnt|opt)/\w", *(rf"{re.escape(path)}\b" for path in own)])
    )
    found = [
        f"{shown(path)}:{number}: {line.strip()}"
        for path in text_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if path != Path(__file__) and private.search(line)
    ]
    assert found == []


def test_no_module_of_the_package_is_unfinished() -> None:
    unfinished = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b|\bNotImplementedError\b")
    found = [
        f"{shown(path)}:{number}: {line.strip()}"
        for path in package_modules()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if unfinished.search(line)
    ]
    assert found == []
