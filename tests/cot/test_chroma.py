"""The index in Chroma, with real servers: one owner for a folder, whoever starts it, dies, or kills it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from cot.encoders import WordEncoder
from perdure.cot.index import chroma_owner
from perdure.cot.index.chroma import MOST, Index, Server
from perdure.cot.index.chroma_server import STATE, TOKEN_HEADER
from perdure.cot.index.chroma_shelf import HEARTBEAT
from perdure.errors import Damaged, StoreUnreachable, UsageError

ENCODER = WordEncoder()
TESTS = Path(__file__).parent.parent


def rows(count: int, seed: int = 0) -> NDArray[np.float32]:
    vectors = np.random.default_rng(seed).normal(size=(count, 128)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def owner(folder: Path) -> psutil.Process:
    return psutil.Process(json.loads((folder / STATE).read_text())["pid"])


def owners(folder: Path) -> list[int]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if str(folder) in (process.info["cmdline"] or []) and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process.pid)
    return found


def run(source: str, *arguments: str) -> subprocess.Popen[str]:
    """Another kernel's process."""
    start = f"import sys; sys.path.insert(0, {str(TESTS)!r})\nfrom pathlib import Path\nfrom cot.test_chroma import *\n"
    return subprocess.Popen(
        [sys.executable, "-c", start + source, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def done(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "chroma"
    yield place
    chroma_owner.stop(place)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder whose owner serves several tests, each with a collection of its own."""
    place = tmp_path_factory.mktemp("shared") / "chroma"
    yield place
    chroma_owner.stop(place)


@pytest.fixture
def index(shared: Path, request: pytest.FixtureRequest) -> Index:
    return Index.open(shared, ENCODER, cache=request.node.name)


def test_chroma_is_not_imported_here(tmp_path: Path) -> None:
    source = "import sys, perdure.cot.index.chroma, perdure.cot.search.retrieval; print(sorted({'chromadb', 'numpy', 'torch'} & sys.modules.keys()))"
    ran = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_rows_are_found_by_inner_product(index: Index) -> None:
    vectors = rows(300)
    index.add([f"row {at}" for at in range(300)], vectors)
    assert index.count() == 300
    found = index.query(vectors[7], 5)
    assert found[0][0] == "row 7"
    assert found[0][1] == pytest.approx(1, abs=1e-4)
    exact = np.sort(vectors @ vectors[7])[::-1]
    np.testing.assert_allclose([similarity for _, similarity in found], exact[:5], atol=1e-4)
    assert index.query(vectors[7], 0) == []


def test_a_row_is_replaced_and_removed(index: Index) -> None:
    vectors = rows(3)
    index.add(["a", "b"], vectors[:2])
    index.add(["a"], vectors[2:])
    assert index.count() == 2
    assert index.query(vectors[2], 1)[0][0] == "a"
    index.remove(["a", "never there"])
    assert [id for id, _ in index.query(vectors[2], 5)] == ["b"]


def test_an_empty_index_finds_nothing(index: Index) -> None:
    assert index.query(rows(1)[0], 3) == []
    assert index.count() == 0
    assert list(index.everything()) == []


def test_a_filter_by_metadata(index: Index) -> None:
    index.add(["a", "b"], rows(2), [{"kind": 1}, {"kind": 2}])
    assert [id for id, _ in index.query(rows(1)[0], 2, where={"kind": 2})] == ["b"]


def test_more_rows_than_chroma_takes_at_once(index: Index) -> None:
    count = MOST + 10
    vectors = rows(count)[:, :8]
    index.add([str(at) for at in range(count)], vectors)
    assert index.count() == count
    read = {id: row for ids, batch in index.everything() for id, row in zip(ids, batch, strict=True)}
    assert len(read) == count
    np.testing.assert_allclose(read["5465"], vectors[5465], atol=1e-6)


def test_it_remembers_how_far_it_was_fed(shared: Path, index: Index, request: pytest.FixtureRequest) -> None:
    assert index.fed() == 0
    index.note(41)
    assert index.in_step(41)
    assert not index.in_step(42)
    index.add(["a"], rows(1))
    assert Index.open(shared, ENCODER, cache=request.node.name).fed() == 41
    index.rebuild(iter([(["b", "c"], rows(2))]))
    assert index.fed() == 0
    assert index.count() == 2


def test_another_process_may_empty_it(shared: Path, index: Index, request: pytest.FixtureRequest) -> None:
    index.add(["a"], rows(1))
    Index.open(shared, ENCODER, cache=request.node.name).clear()
    assert index.query(rows(1)[0], 1) == []
    index.add(["a"], rows(1))
    assert index.count() == 1


def test_vectors_of_two_versions_never_mix(shared: Path, index: Index, request: pytest.FixtureRequest) -> None:
    index.add(["a"], rows(1))
    newer = Index.open(shared, WordEncoder(version="2"), cache=request.node.name)
    keywords = Index.open(shared, ENCODER, kind="keywords", cache=request.node.name)
    assert (newer.count(), keywords.count(), index.count()) == (0, 0, 1)


def test_a_vector_that_does_not_fit_is_an_error_of_ours(index: Index) -> None:
    index.add(["a"], rows(1))
    with pytest.raises(Damaged, match="can't use"):
        index.query(rows(1)[0][:5], 1)


def test_only_this_user_can_read_the_token_and_only_this_machine_can_connect(shared: Path, index: Index) -> None:
    index.count()
    if os.name != "nt":
        assert stat.S_IMODE((shared / STATE).stat().st_mode) == 0o600
        assert stat.S_IMODE(shared.stat().st_mode) == 0o700
    listening = [at.laddr.ip for at in owner(shared).net_connections() if at.status == psutil.CONN_LISTEN]
    assert listening == ["127.0.0.1"]


@pytest.mark.parametrize("token", ["", "wrong", "é"])
def test_a_wrong_token_is_refused(shared: Path, index: Index, token: str) -> None:
    index.add(["a"], rows(1))
    state = json.loads((shared / STATE).read_text())
    connection = http.client.HTTPConnection(state["host"], state["port"])
    connection.request("GET", "/api/v2/heartbeat", headers={TOKEN_HEADER: token.encode()})
    assert connection.getresponse().status == 401
    with pytest.raises(StoreUnreachable, match="refuses the token"):
        Index.open(f"http://127.0.0.1:{state['port']}", ENCODER, token="wrong").count()
    right = Index.open(f"http://127.0.0.1:{state['port']}", ENCODER, token=state["token"], cache=index._about["cache"])
    assert right.count() == 1


@pytest.mark.parametrize(
    "path", ["/", "/api/v1/collections", "/api/v2/reset", "/api/v2/tenants/x/databases/y/collections"]
)
def test_it_does_nothing_else(shared: Path, index: Index, path: str) -> None:
    index.count()
    with pytest.raises(LookupError):
        Server(shared).call("POST", path, {})


def test_two_kernels_that_start_at_once_get_one_server(folder: Path) -> None:
    source = "index = Index.open(Path(sys.argv[1]), ENCODER); index.count(); print(owner(Path(sys.argv[1])).pid)"
    kernels = [run(source, str(folder)) for _ in range(3)]
    pids = {done(kernel) for kernel in kernels}
    assert len(pids) == 1
    assert pids == {str(owner(folder).pid)}


def test_processes_that_add_at_once_lose_nothing(folder: Path) -> None:
    source = (
        "at = int(sys.argv[2]); index = Index.open(Path(sys.argv[1]), ENCODER); vectors = rows(200, seed=at)\n"
        "for start in range(0, 200, 20): index.add([f'{at} {n}' for n in range(start, start + 20)], vectors[start:start + 20])"
    )
    writers = [run(source, str(folder), str(at)) for at in range(3)]
    for writer in writers:
        done(writer)
    index = Index.open(folder, ENCODER)
    assert index.count() == 600
    missing = [
        (at, n)
        for at in range(3)
        for n, row in enumerate(rows(200, seed=at))
        if index.query(row, 1)[0][0] != f"{at} {n}"
    ]
    assert len(missing) <= 6  # it is approximate


def test_the_server_outlives_the_kernel_that_started_it_and_prints_nothing(folder: Path) -> None:
    source = "index = Index.open(Path(sys.argv[1]), ENCODER); index.add(['a'], rows(1)); os.kill(os.getpid(), signal.SIGKILL)"
    kernel = run(source, str(folder))
    out, err = kernel.communicate(timeout=120)
    assert kernel.returncode == -signal.SIGKILL
    assert (out, err) == ("", "")
    process = owner(folder)
    assert process.is_running()
    assert Index.open(folder, ENCODER).count() == 1
    assert owner(folder) == process


def test_it_ends_when_nobody_is_there(folder: Path) -> None:
    server = Server(folder, idle=0.2)
    index = Index(server, ENCODER)
    index.add(["a"], rows(1))
    process = owner(folder)
    server.close()
    process.wait(60)
    assert not (folder / STATE).exists()
    assert (folder / "clean").exists()
    assert index.count() == 1  # and comes back when needed
    assert owner(folder) != process


def test_it_stays_while_somebody_is_connected(folder: Path) -> None:
    index = Index(Server(folder, idle=0.2), ENCODER)
    index.count()
    process = owner(folder)
    with pytest.raises(psutil.TimeoutExpired):
        process.wait(1.5)
    index.count()


def test_it_ends_when_its_folder_is_deleted(folder: Path) -> None:
    import shutil

    server = Server(folder, idle=4)
    Index(server, ENCODER).count()
    process = owner(folder)
    shutil.rmtree(folder)
    process.wait(60)


def test_killed_between_two_requests_it_is_started_again_with_all_rows(folder: Path) -> None:
    index = Index.open(folder, ENCODER)
    vectors = rows(500)
    index.add([str(at) for at in range(500)], vectors)
    index.note(500)
    killed = owner(folder)
    killed.kill()
    killed.wait(30)
    assert index.fed() == 500
    assert index.count() == 500
    assert index.query(vectors[499], 1)[0][0] == "499"
    assert owner(folder).pid != killed.pid


def test_whoever_is_not_patient_does_not_wait_for_a_start(folder: Path) -> None:
    began = time.monotonic()
    with pytest.raises(StoreUnreachable, match="isn't running"):
        Index(Server(folder, patient=False), ENCODER).count()
    assert time.monotonic() - began < 1
    assert owners(folder) == []


def test_torn_files_are_thrown_away_at_the_next_start(folder: Path) -> None:
    index = Index.open(folder, ENCODER)
    index.add([str(at) for at in range(2_500)], rows(2_500))
    index.note(2_500)
    killed = owner(folder)
    killed.kill()
    killed.wait(30)
    torn = [file for file in (folder / "data").rglob("data_level0.bin") if file.stat().st_size]
    assert torn
    torn[0].write_bytes(torn[0].read_bytes()[: torn[0].stat().st_size // 3])
    assert index.fed() == 0
    assert index.count() == 0


def test_a_folder_full_of_rubbish_is_no_obstacle(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "chroma.sqlite3").write_bytes(b"rubbish" * 1_000)
    (folder / STATE).write_text("rubbish")
    index = Index.open(folder, ENCODER)
    index.add(["a"], rows(1))
    assert index.count() == 1


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnreachable, match="can't be made"):
        Index.open(tmp_path / "file" / "chroma", ENCODER).count()


@pytest.mark.parametrize("url", ["ftp://host:1", "http://", "localhost:8000", "http://host:x", "http://host:1/path"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="http://HOST:PORT"):
        Index.open(url, ENCODER)


def test_a_server_that_is_not_there_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(StoreUnreachable, match=str(port)):
        Index.open(f"http://127.0.0.1:{port}", ENCODER).count()


def answers(url: str) -> bool:
    try:
        Server(url).call("GET", HEARTBEAT)
    except StoreUnreachable:
        return False
    return True


def test_a_teams_server(tmp_path: Path) -> None:
    """Chroma's own, as a team would run it: `chroma run`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["run", "--path", str(tmp_path), "--host", "127.0.0.1", "--port", str(port)]
    code = "import sys, chromadb_rust_bindings; chromadb_rust_bindings.cli(['chroma', *sys.argv[1:]])"
    with subprocess.Popen(
        [sys.executable, "-c", code, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            while not answers(f"http://127.0.0.1:{port}"):
                with pytest.raises(subprocess.TimeoutExpired):
                    server.wait(0.1)
            mine = Index.open(f"http://127.0.0.1:{port}", ENCODER, cache="mine", token="anything")
            theirs = Index.open(f"http://127.0.0.1:{port}", ENCODER, cache="theirs")
            vectors = rows(50)
            mine.add([str(at) for at in range(50)], vectors)
            mine.note(7)
            theirs.add(["a"], vectors[:1])
            assert (mine.count(), theirs.count(), mine.fed(), theirs.fed()) == (50, 1, 7, 0)
            assert mine.query(vectors[9], 2)[0] == ("9", pytest.approx(1, abs=1e-4))
            mine.remove(["9", "never there"])
            assert "9" not in dict(mine.query(vectors[9], 49))
            assert sum(len(ids) for ids, _ in mine.everything()) == 49
            mine.clear()
            assert (mine.count(), theirs.count()) == (0, 1)
        finally:
            server.kill()
