"""What holds for the items of every task: determinism, laziness, balance, disjoint splits, no leak."""

from __future__ import annotations

import hashlib
import itertools
import json
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from harness.api import DataError, Image, Item, Preference, Ranking, VerdictFormat
from harness_miniature.sources import REGIONS, load, partition
from harness_miniature.task import MiniatureTask

MakeTask = Callable[..., MiniatureTask]


def _pictures(item: Item) -> list[Image]:
    return [part for part in itertools.chain(item.question, *item.candidates) if isinstance(part, Image)]


def _digest(task: MiniatureTask, split: str, count: int) -> str:
    sha = hashlib.sha256()
    for item in itertools.islice(task.items(split), count):
        sha.update(repr((item.id, item.group, item.gold, item.category, sorted(item.tags.items()))).encode())
        for picture in _pictures(item):
            sha.update(picture.digest.encode())
    return sha.hexdigest()


def _boxes(item: Item) -> list[tuple[str, tuple[int, ...]]]:
    crops = [crop.split(":") for crop in item.tags["crops"].split(";")]
    return [(photograph, tuple(int(edge) for edge in edges.split(","))) for photograph, edges in crops]


def test_items_are_the_same_in_another_process(make: MakeTask) -> None:
    names = ["technical", "pairwise-safety", "quality-ranking", "alignment-relation", "rationality"]
    here = {name: _digest(make(name), "test", 12) for name in names}
    code = (
        "import importlib.util, json, sys\n"
        "def load(name, path):\n"
        "    spec = importlib.util.spec_from_file_location(name, path)\n"
        "    module = importlib.util.module_from_spec(spec)\n"
        "    sys.modules[name] = module; spec.loader.exec_module(module); return module\n"
        "shared, this = load('shared', sys.argv[1]), load('this', sys.argv[2])\n"
        "from harness_miniature.plugin import harness_tasks\n"
        "cards = {card.name: card for card in harness_tasks()}\n"
        "def make(name):\n"
        "    card = cards[name]\n"
        "    return shared._attribute(card.factory)(shared._attribute(card.options)(), shared.Given(name))\n"
        "print(json.dumps({name: this._digest(make(name), 'test', 12) for name in sys.argv[3:]}))\n"
    )
    conftest = __file__.replace("test_items.py", "conftest.py")
    done = subprocess.run(
        [sys.executable, "-c", code, conftest, __file__, *names],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "12345"},
    )
    assert json.loads(done.stdout) == here


def test_an_item_does_not_depend_on_how_many_there_are(name: str, make: MakeTask) -> None:
    assert _digest(make(name, items=7), "test", 7) == _digest(make(name, items=100), "test", 7)


def test_another_seed_gives_other_items_and_another_fingerprint(name: str, make: MakeTask) -> None:
    one, other = make(name, items=20), make(name, items=20, seed=1)
    assert _digest(one, "test", 6) != _digest(other, "test", 6)
    prints = {task.fingerprint() for task in (one, other, make(name, items=21), make(name, items=20, size=48))}
    assert len(prints) == 4
    assert one.fingerprint() == make(name, items=20).fingerprint()


def test_streaming_thousands_of_items_draws_nothing(name: str, make: MakeTask, monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn(*_: object) -> None:
        raise AssertionError("somebody drew a picture")

    monkeypatch.setattr("harness_miniature.task.paint", drawn)
    assert sum(1 for _ in make(name, items=5000 if name == "technical" else 500).items("test")) in (500, 5000)


def test_streaming_keeps_nothing(make: MakeTask) -> None:
    task = make("quality-ranking", items=1500)
    stream = task.items("test")
    for _ in itertools.islice(stream, 100):
        pass  # what is read once has been read
    tracemalloc.start()
    for _ in stream:
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200_000


def test_ids_are_unique_and_items_as_many_as_asked(trained: str, make: MakeTask) -> None:
    task = make(trained, items=31, train_items=45)
    for split, count in (("train", 45), ("validation", 31), ("test", 31)):
        ids = [item.id for item in task.items(split)]
        assert len(ids) == len(set(ids)) == count
        assert ids[3] == f"{split}-000003"


def test_an_unknown_split_is_an_error_that_names_the_known_ones(name: str, make: MakeTask) -> None:
    with pytest.raises(DataError, match="test"):
        make(name).items("dev")


def test_every_gold_is_equally_frequent(name: str, make: MakeTask) -> None:
    counts = Counter(item.gold for item in make(name, items=480).items("test"))
    space = next(iter(make(name).items("test"))).space
    assert set(counts) == set(space.verdicts())
    assert len(set(counts.values())) == 1


def test_every_gold_is_about_equally_frequent_in_every_category(name: str, make: MakeTask) -> None:
    items = list(make(name, items=1200).items("test"))
    for category in {item.category for item in items}:
        counts = Counter(item.gold for item in items if item.category == category)
        expected = sum(counts.values()) / len(items[0].space.verdicts())
        assert sum(counts.values()) >= 100
        assert all(abs(count - expected) < 4 * expected**0.5 for count in counts.values())


def test_items_use_only_their_splits_scans_and_pieces_of_photographs(name: str, make: MakeTask) -> None:
    task = make(name, items=450)
    for split in task.recipe.splits:
        allowed = set(partition(split))
        for item in itertools.islice(task.items(split), 450):
            assert {int(scan) for scan in item.tags["scans"].split(",")} <= allowed
            for photograph, (left, top, right, bottom) in _boxes(item):
                assert any(
                    photograph == region and a <= left < right <= c and b <= top < bottom <= d
                    for region, (a, b, c, d) in REGIONS[split]
                )


def test_items_that_share_a_scan_share_a_group(name: str, make: MakeTask) -> None:
    groups: dict[str, set[str]] = {}
    for item in make(name, items=900).items("test"):
        for scan in item.tags["scans"].split(","):
            groups.setdefault(scan, set()).add(item.group)
    assert all(len(found) == 1 for found in groups.values())


def test_no_background_is_so_plain_that_a_manipulation_would_not_show(trained: str, make: MakeTask) -> None:
    for split in ("train", "validation", "test"):
        for item in itertools.islice(make(trained).items(split), 300):
            for photograph, box in _boxes(item):
                crop = load().photographs[photograph].crop((box[0], box[1], box[2], box[3]))
                assert np.asarray(crop.convert("L"), dtype=float).std() > 12, (item.id, photograph, box)


def test_all_scans_are_used_before_any_is_used_again(make: MakeTask) -> None:
    assert len({item.group for item in make("alignment-digit", items=900).items("test")}) == 450
    assert len({item.group for item in make("safety", items=450).items("test")}) == 225


@pytest.mark.parametrize("size", [32, 64, 96])
def test_all_pictures_are_rgb_of_the_size_that_was_asked_for(size: int, name: str, make: MakeTask) -> None:
    for item in make(name, items=24, size=size).items("test"):
        for picture in _pictures(item):
            assert picture.load().size == (size, size)
            assert picture.load().mode == "RGB"
            assert Image.from_bytes(picture.encode()[0], name="again").load().tobytes() == picture.load().tobytes()


def test_the_prompt_tells_nothing_of_the_gold(name: str, make: MakeTask, plain: VerdictFormat) -> None:
    """Neither the words nor the names of the pictures differ between golds, but for captions, which are balanced."""
    task = make(name, items=240)
    texts: dict[str, set[object]] = {}
    for item in task.items("test"):
        request = task.render(item, order=tuple(range(len(item.candidates))), format=plain)
        assert item.tags["rationale"] not in request.text
        assert item.id not in request.text
        text = request.text.replace(item.tags.get("caption", "\0"), "CAPTION")
        texts.setdefault(text, set()).add(item.gold)
        assert [picture.name for picture in request.images] == [
            f"miniature/{name} {item.id} #{place + 1}" for place in range(len(request.images))
        ]
    assert len(texts) == 1
    assert len(next(iter(texts.values()))) == len(item.space.verdicts())


@pytest.mark.parametrize("caption_task", ["alignment-digit", "alignment-relation", "alignment-unseen"])
def test_a_caption_alone_tells_nothing_and_a_picture_alone_tells_nothing(caption_task: str, make: MakeTask) -> None:
    items = list(make(caption_task, items=2000).items("test"))
    for one, other in itertools.pairwise(items[:40]):
        if one.id.endswith(("0", "2", "4", "6", "8")):
            assert _pictures(one)[0].digest == _pictures(other)[0].digest
            assert one.gold != other.gold
    for part in (0, 1, -1):  # article, ink or numeral; the words of a caption are no cue
        words = Counter((item.tags["caption"].split()[part], item.gold) for item in items)
        for word in {word for word, _ in words}:
            yes, no = words[word, "yes"], words[word, "no"]
            assert abs(yes - no) < 5 * (yes + no) ** 0.5 + 1, (word, yes, no)


def test_swapped_candidates_are_the_same_question_with_the_gold_moved(
    name: str, make: MakeTask, plain: VerdictFormat
) -> None:
    task = make(name, items=24)
    for item in task.items("test"):
        if not item.candidates:
            assert not isinstance(item.space, Preference | Ranking)
            continue
        order = tuple(range(len(item.candidates)))
        there, back = (task.render(item, order=way, format=plain) for way in (order, order[::-1]))
        assert there.key != back.key
        assert there.text == back.text
        assert [p.digest for p in there.images] == [p.digest for p in back.images][::-1]
        for request in (there, back):
            shown = item.space.to_shown(item.gold, request.order)
            assert item.space.to_canonical(shown, request.order) == item.gold
            if isinstance(shown, int):
                assert request.images[shown].digest == _pictures(item)[int(str(item.gold))].digest


def test_rendering_is_pure_and_ends_with_the_formats_instruction(
    name: str, make: MakeTask, plain: VerdictFormat
) -> None:
    task = make(name, items=3)
    for one, again in zip(task.items("test"), make(name, items=3).items("test"), strict=True):
        order = tuple(range(len(one.candidates)))
        request = task.render(one, order=order, format=plain)
        assert request.key == task.render(again, order=order, format=plain).key
        assert request.messages[-1].parts[-1] == plain.instruction(one.space)
