"""Export to one file, and import of files that may be damaged or made to do harm."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from PIL import Image

from cot.caches import MASTER, a_picture, a_question, an_answer, an_entry, asked_apprentice, asked_master, check, hit
from perdure.cot.answer import Source, Tokens
from perdure.cot.cache import Ask, Audit, Cache, Call, Vector
from perdure.cot.picture import encoded
from perdure.errors import DamagedBundle, StoreReadOnly, UsageError


def _filled(folder: Path, **options: Any) -> Cache:
    cache = Cache.open(folder, **options)
    asked = a_question("Which, A or B?", 1, 2, choices=["A", "B"])
    entry = an_entry(
        asked,
        "A",
        reasoning="ü",
        cost=0.5,
        tokens=Tokens(3, 4),
        keywords=("k",),
        vector=Vector("clip", "1", b"\0\1\2\3"),
        expires=4e9,
        pinned=True,
    )
    cache.add(entry, asked.pictures)
    large = a_question("Large?")
    large = replace(large, pictures=(a_picture(5, (400, 300)),))
    cache.add(an_entry(large), large.pictures)
    _, example = asked_master(cache, a_question("One?", 3))
    asked_apprentice(cache, a_question("Two?", 4), example)
    wrong, _ = asked_master(cache, a_question("Wrong?", 6))
    cache.mark_wrong(wrong.answer.id, "right")
    cache.add_audit(
        Audit("near", "big", "clip", 0.9, agreed=True, features=(1.0,), confidence=0.5, kept="x", entry=example.id)
    )
    cache.record_call(Call("master", "big", "1", cost=3.0))
    return cache


def _entries(cache: Cache) -> dict[str, Any]:
    with cache._database.reading() as connection:
        ids = [id_ for (id_,) in connection.execute("SELECT id FROM entries WHERE standing = 0")]
    return cache.entries(ids)


def test_a_cache_goes_elsewhere(tmp_path: Path) -> None:
    with _filled(tmp_path / "a") as here, Cache.open(tmp_path / "b") as there:
        done = here.export(tmp_path / "file")
        assert (done.entries, done.pictures, done.audits, done.asks) == (5, 6, 1, 0)
        assert done.bytes == (tmp_path / "file").stat().st_size
        added = there.import_(tmp_path / "file")
        assert (added.entries, added.pictures, added.audits, added.asks) == (5, 6, 1, 0)
        unpinned = {
            id_: replace(entry, pinned=entry.pinned and entry.kind == "user", uses=0, used=0.0)
            for id_, entry in _entries(here).items()
        }
        assert _entries(there) == unpinned
        for seed in (1, 2, 3, 4, 6):
            picture = a_picture(seed)
            assert there.picture(picture.key) == picture
        large = a_picture(5, (400, 300))
        assert there.picture(large.key) == large
        (audit,) = there.audits("near", "big")
        assert audit == replace(here.audits("near", "big")[0], imported=True, number=audit.number)
        found = there.exact(a_question("Wrong?", 6).key, **MASTER)
        assert found is not None
        assert found.answer == "right"
        assert there.log(None) == []
        assert there.spent() == 0.0
        assert len(there.changed_since(0).added) == 1
        again = there.import_(tmp_path / "file")
        assert (again.entries, again.pictures, again.audits) == (0, 0, 0)
        assert here.import_(tmp_path / "file").entries == 0
        check(there)


def test_the_ledger_goes_along_only_if_asked_on_both_sides(tmp_path: Path) -> None:
    with _filled(tmp_path / "a") as here, Cache.open(tmp_path / "b") as there, Cache.open(tmp_path / "c") as third:
        asked = a_question("One?", 3)
        found = here.exact(asked.key, **MASTER)
        assert found is not None
        hit(here, asked, found)
        assert here.export(tmp_path / "file", ledger=True).asks == 4
        assert third.import_(tmp_path / "file").asks == 0
        assert there.import_(tmp_path / "file", ledger=True).asks == 4
        assert [replace(one, cache="") for one in there.log(None)] == [replace(one, cache="") for one in here.log(None)]
        assert there.stats().asks == {}
        assert there.spent() == 0.0
        assert there.import_(tmp_path / "file", ledger=True).asks == 0
        # What travelled is forgotten as what was asked here is.
        (example,) = [entry for entry in _entries(there).values() if entry.text == "One?"]
        assert len(there.forget(example.id).asks) == 3
        check(there)


def test_what_is_forgotten_stays_so(tmp_path: Path) -> None:
    with _filled(tmp_path / "a") as cache:
        cache.export(tmp_path / "file")
        (example,) = [entry for entry in _entries(cache).values() if entry.text == "One?"]
        assert len(cache.forget(example.id).entries) == 2
        assert cache.import_(tmp_path / "file").entries == 0
        assert cache.exact(a_question("One?", 3).key, **MASTER) is None


def test_ones_own_correction_wins(tmp_path: Path) -> None:
    asked = a_question("Wrong?", 6)
    with _filled(tmp_path / "a") as here, Cache.open(tmp_path / "b") as there:
        here.export(tmp_path / "file")
        there.add(an_entry(asked, "mine", kind="user", model="user"))
        there.import_(tmp_path / "file")
        found = there.exact(asked.key, **MASTER)
        assert found is not None
        assert found.answer == "mine"


def test_pictures_that_are_not_wished_are_not_imported(tmp_path: Path) -> None:
    with _filled(tmp_path / "a") as here, Cache.open(tmp_path / "b", keep_images="none") as there:
        here.export(tmp_path / "file")
        there.import_(tmp_path / "file")
        assert there.picture(a_picture(1).key) is None
        assert there.picture_size(a_picture(1).key) == (40, 30)


def test_an_import_keeps_to_the_limit(tmp_path: Path) -> None:
    with _filled(tmp_path / "a") as here, Cache.open(tmp_path / "b", limit_bytes=10_000) as there:
        here.export(tmp_path / "file")
        there.import_(tmp_path / "file")
        assert there.content_bytes() <= 10_000 or set(there.stats().by_kind) == {"user"}


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with _filled(tmp_path / "a") as cache:
        with pytest.raises(UsageError, match="already"):
            cache.export(tmp_path / "file")
        assert (tmp_path / "file").read_text() == "mine"
        with pytest.raises(UsageError):
            cache.import_(tmp_path / "nowhere")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "file"]
    with Cache.open(tmp_path / "a", read_only=True) as reader:
        assert reader.export(tmp_path / "other").entries == 5
        with pytest.raises(StoreReadOnly):
            reader.import_(tmp_path / "other")


def _refused(cache: Cache, file: Path) -> None:
    before = cache.change_number(), cache.stats()
    with pytest.raises(DamagedBundle, match="Nothing was imported"):
        cache.import_(file, ledger=True)
    after = cache.stats()
    assert (cache.change_number(), after.entries, after.pictures, after.audits) == (
        before[0],
        before[1].entries,
        before[1].pictures,
        before[1].audits,
    )


def test_a_damaged_file_changes_nothing(tmp_path: Path) -> None:
    with _filled(tmp_path / "a") as here, ExitStack() as stack:
        there = stack.enter_context(Cache.open(tmp_path / "b"))
        here.export(tmp_path / "file", ledger=True)
        whole = (tmp_path / "file").read_bytes()
        chance = random.Random(1)
        spoilt = tmp_path / "spoilt"
        refused = 0
        for n in range(150):
            data = bytearray(whole)
            at = chance.randrange(len(data))
            data[at] ^= 1 << chance.randrange(8)
            spoilt.write_bytes(data)
            try:
                there.import_(spoilt, ledger=True)
            except DamagedBundle:
                refused += 1
                assert there.stats().entries == 0
                continue
            # A bit that says nothing, such as one of a file's date: all that counts came unharmed.
            assert _entries(there).keys() == _entries(here).keys()
            there.close()
            there = stack.enter_context(Cache.open(tmp_path / f"b{n}"))
        assert refused > 100
        for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
            spoilt.write_bytes(whole[:length])
            _refused(there, spoilt)
        spoilt.write_bytes(b"\x89PNG" + whole[4:40])
        _refused(there, spoilt)


def _changed(
    source: Path, target: Path, change: Callable[[dict[str, bytes]], None], packed: int = zipfile.ZIP_DEFLATED
) -> None:
    """Write an export in which files have been changed, with all digests made to fit again."""
    with zipfile.ZipFile(source) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    manifest = json.loads(files["manifest.json"])
    for name in manifest["members"]:
        data = files[f"{name}.jsonl"]
        manifest["members"][name] = {"rows": data.count(b"\n"), "digest": blake3(data).hexdigest()}
    files["manifest.json"] = files.get("forced", json.dumps(manifest).encode())
    files.pop("forced", None)
    target.unlink(missing_ok=True)
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in files.items():
            kind = packed if name.endswith(".jsonl") else zipfile.ZIP_STORED
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=kind)


def _row(name: str, **fields: Any) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        first, rest = files[f"{name}.jsonl"].split(b"\n", 1)
        files[f"{name}.jsonl"] = json.dumps({**json.loads(first), **fields}).encode() + b"\n" + rest

    return change


def _swap_pictures(files: dict[str, bytes]) -> None:
    """One picture's pixels under another's key, with a digest that fits."""
    rows = [json.loads(line) for line in files["pictures.jsonl"].splitlines()]
    one, two = [row for row in rows if row["whole"] is None][:2]
    files[f"pictures/{one['key']}.thumbnail"] = files[f"pictures/{two['key']}.thumbnail"]
    one["thumbnail"] = two["thumbnail"]
    files["pictures.jsonl"] = b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _bomb(files: dict[str, bytes]) -> None:
    """A thumbnail that would unpack to 400 million pixels."""
    row = json.loads(files["pictures.jsonl"].split(b"\n", 1)[0])
    out = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(out, "PNG")
    files[f"pictures/{row['key']}.thumbnail"] = out.getvalue()
    _row("pictures", thumbnail=blake3(out.getvalue()).hexdigest())(files)


HARM: dict[str, Callable[[dict[str, bytes]], None]] = {
    "another kind of file": lambda files: files.update(forced=b'{"format": "zip", "version": 1, "members": {}}'),
    "a newer version": lambda files: files.update(forced=b'{"format": "perdure-cot", "version": 2, "members": {}}'),
    "no manifest of ours": lambda files: files.update(forced=b"[]"),
    "a path out of the archive": lambda files: files.update({"../evil": b"x"}),
    "a file that doesn't belong": lambda files: files.update({"code.py": b"import os"}),
    "a bomb of text": lambda files: files.update({"entries.jsonl": b" " * 50_000_000 + b"\n"}),
    "a bomb of a picture": _bomb,
    "deep nesting": lambda files: files.update({"entries.jsonl": b"[" * 100_000 + b"\n"}),
    "no JSON": lambda files: files.update({"entries.jsonl": b"{'a': __import__('os')}\n"}),
    "no UTF-8": lambda files: files.update({"entries.jsonl": b'{"a": "\xff"}\n'}),
    "a field that is missing": lambda files: files.update({"entries.jsonl": b"{}\n"}),
    "an id that is none": _row("entries", id="' OR 1=1 --"),
    "an unknown kind": _row("entries", kind="oracle"),
    "an unknown format": _row("entries", format="code"),
    "a cost below nothing": _row("entries", cost=-1.0),
    "an endless cost": _row("entries", cost=float("inf")),
    "absurd tokens": _row("entries", tokens=[10**40, 0]),
    "text that is a number": _row("entries", answer=7),
    "a vector that is none": _row("entries", vector=["clip", "1", "!!"]),
    "a picture's key that is none": _row("pictures", key="../../etc/passwd"),
    "a picture of absurd size": _row("pictures", width=10**12),
    "other pixels": _swap_pictures,
    "another digest": _row("pictures", thumbnail="0" * 64),
    "an audit of no kind": _row("audits", kind="both"),
    "a score that is no number": _row("audits", score=float("nan")),
    "an ask from nowhere": _row("asks", source="oracle"),
}


@pytest.mark.parametrize("harm", HARM)
def test_a_file_that_is_made_to_do_harm_changes_nothing(tmp_path: Path, harm: str) -> None:
    with _filled(tmp_path / "a") as here, Cache.open(tmp_path / "b") as there:
        here.export(tmp_path / "file", ledger=True)
        _changed(tmp_path / "file", tmp_path / "good", lambda files: None)
        _changed(tmp_path / "file", tmp_path / "bad", HARM[harm])
        _refused(there, tmp_path / "bad")
        assert there.import_(tmp_path / "good", ledger=True).entries == 5


def test_an_answer_can_not_be_passed_off_as_that_to_another_question(tmp_path: Path) -> None:
    asked = a_question("Which, A or B?", 1, 2, choices=["A", "B"])
    other = a_question("May I?", 9)
    with _filled(tmp_path / "a") as here, Cache.open(tmp_path / "b") as there:
        here.export(tmp_path / "file")
        _changed(tmp_path / "file", tmp_path / "bad", _row("entries", key=other.key, normal=other.normal))
        there.import_(tmp_path / "bad")
        assert there.exact(other.key, **MASTER) is None
        assert there.exact(asked.key, **MASTER) is not None


def test_a_part_that_was_packed_in_another_way_is_refused(tmp_path: Path) -> None:
    with _filled(tmp_path / "a") as here, Cache.open(tmp_path / "b") as there:
        here.export(tmp_path / "file")
        _changed(tmp_path / "file", tmp_path / "bad", lambda files: None, packed=zipfile.ZIP_LZMA)
        _refused(there, tmp_path / "bad")


def test_an_import_that_is_killed_is_completed_by_another(tmp_path: Path) -> None:
    with _filled(tmp_path / "a") as here, Cache.open(tmp_path / "b") as there:
        for n in range(450):
            here.add(an_entry(a_question(f"{n}?", 1)))
        here.export(tmp_path / "file")
        calls = []

        def dies(connection: Any, entry: Any) -> bool:
            calls.append(entry)
            if len(calls) == 300:
                raise KeyboardInterrupt
            return there._add(connection, entry)

        there._import_entry = dies  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            there.import_(tmp_path / "file")
        assert there.stats().entries == 200
        check(there)
        del there._import_entry  # type: ignore[attr-defined]
        assert there.import_(tmp_path / "file").entries == 255
        assert there.stats().entries == 455
        assert there.record(Ask.of(a_question(), an_answer(a_question(), Source.MASTER)))
        check(there)


def test_a_picture_that_can_be_whole_stays_whole_in_any_encoding(tmp_path: Path) -> None:
    picture = a_picture(5, (400, 300))
    with _filled(tmp_path / "a") as here, Cache.open(tmp_path / "b") as there:
        here.export(tmp_path / "file")

        def as_png(files: dict[str, bytes]) -> None:
            name = f"pictures/{picture.key}.whole"
            files[name] = encoded(picture.image)
            rows = [json.loads(line) for line in files["pictures.jsonl"].splitlines()]
            for row in rows:
                if row["key"] == picture.key:
                    row["whole"] = blake3(files[name]).hexdigest()
            files["pictures.jsonl"] = b"".join(json.dumps(row).encode() + b"\n" for row in rows)

        _changed(tmp_path / "file", tmp_path / "png", as_png)
        there.import_(tmp_path / "png")
        assert there.picture(picture.key) == picture
