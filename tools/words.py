"""The words of the house: names of functions and variables, and what prose says, held to a few plain rules.

    python tools/words.py [PART ...]

PART is the beginning of a path, such as `harness/score` or `docs`. Functions are verbs, so none is named by a bare past
participle. No variable is called `one`. Some words have a plainer form, which is named. `tests/test_words.py` holds it.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]

PLAINER = {
    "nor": "a second sentence, or `and not`",
    "anew": "again",
    "mend": "fix",
    "mends": "fixes",
    "nobody": "no one, or say who does not",
    "whatever": "any",
    "whoever": "the one who",
    "behind": "after, below, or which",
    "thereby": "so",
    "whilst": "while",
    "that which": "what",
    "whence": "from where",
    "lest": "so that not",
    "hitherto": "until now",
    "heed": "obey, or read",
    "dearest": "most expensive",
}
"""Words that a reader whose first language is another one has to look up, and what to write instead."""

IRREGULAR = (
    "told|said|made|known|found|shown|left|kept|taken|given|written|drawn|seen|bound|built|held|heard|lost|meant|sent|"
    "spent|torn|worn|chosen|broken|begun|done|gone|grown|hidden|paid|understood"
)
PARTICIPLE = re.compile(rf"{IRREGULAR}|(?!embed|feed|need|seed|shed|speed|proceed|exceed)\w+ed")
"""Past participles by their form. Where the participle is the verb as well (put, set, split) it is a verb."""

DATA = (
    "tools/words.py",
    "harness/api/reading/_words.py",
    "harness/api/reading/_quotes.py",
    "harness/api/reading/_binding.py",
    "harness/api/reading/_plain.py",
    "plugins/tasks/miniature/src/harness_miniature/evidence.py",
    "plugins/tasks/miniature/src/harness_miniature/quality.py",
    *(
        f"plugins/tasks/preference/src/harness_preference/benchmarks/{name}.py"
        for name in (
            "judgebench",
            "mj_bench",
            "mllm_as_a_judge",
            "mm_rlhf_rewardbench",
            "pick_a_pic",
            "rewardbench",
            "rewardbench_2",
        )
    ),
)
"""Files whose strings are what judges write, or prompts that results rest on: not what we may write in other words."""

_WORD = re.compile(rf"(?<![-\w`\"'])(?:{'|'.join(PLAINER)})(?![-\w`\"'])", re.IGNORECASE)
_CODE = re.compile(r"^(?P<fence> *(?:```|~~~)).*?^(?P=fence) *$|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def is_participle(name: str) -> bool:
    """Whether a function's name begins with a past participle: `told_apart`, `_joined`."""
    return PARTICIPLE.fullmatch(name.strip("_").partition("_")[0]) is not None


def find_files(root: Path = ROOT) -> list[Path]:
    """Code of the core, of plugins and of tools, and every page. Not tests."""
    code = [*root.glob("harness/**/*.py"), *root.glob("plugins/*/*/src/**/*.py"), *root.glob("tools/*.py")]
    pages = [*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("plugins/*/*/*.md"), *root.glob("changes/*.md")]
    found = [path for path in code + pages if not {"_build", "generated"} & set(path.relative_to(root).parts)]
    return sorted(found)


def find_faults(path: Path, name: str) -> Iterator[tuple[int, str]]:
    """What is wrong in a file, with line numbers.

    Args:
        path: The file.
        name: Its path from the root, with `/`.
    """
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        tree = ast.parse(text)
        yield from _name_faults(tree)
        for line, prose in _prose_of(text, tree, strings=name not in DATA):
            yield from _word_faults(prose, line)
    else:
        blank = _CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
        yield from _word_faults(blank, 1)


def _name_faults(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and is_participle(node.name):
            yield node.lineno, f"function {node.name}: begins with a participle; name it by a verb, or by a noun"
        if (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == "one") or (
            isinstance(node, ast.arg) and node.arg == "one"
        ):
            yield node.lineno, "variable one: say what it is"


def _prose_of(text: str, tree: ast.Module, *, strings: bool) -> Iterator[tuple[int, str]]:
    """Comments, docstrings and, with `strings`, every other string, each with its first line."""
    if strings:
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.lineno, node.value
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def _word_faults(prose: str, first: int) -> Iterator[tuple[int, str]]:
    for match in _WORD.finditer(prose):
        line = first + prose.count("\n", 0, match.start())
        yield line, f"{match[0]!r}: plainer is {PLAINER[match[0].lower()]}"


def main(parts: list[str]) -> int:
    """Print the faults; 1 if there are any."""
    count = 0
    for path in find_files():
        name = path.relative_to(ROOT).as_posix()
        if parts and not name.startswith(tuple(parts)):
            continue
        for line, fault in sorted(set(find_faults(path, name))):
            count += 1
            sys.stdout.write(f"{name}:{line}: {fault}\n")
    sys.stdout.write(f"{count} faults\n")
    return min(count, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
