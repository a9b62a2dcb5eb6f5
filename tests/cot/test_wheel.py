"""The wheel has all that it needs: installed by itself it answers a question, with no network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, socket, sys
def closed(*_): raise OSError("no network here")
socket.getaddrinfo = closed
socket.socket.connect = closed
import perdure
from perdure.cot import Cot
from PIL import Image, ImageDraw
image = Image.new("RGB", (64, 64), "white")
ImageDraw.Draw(image).ellipse((12, 12, 52, 52), "red")
with Cot(delta=0) as cot:
    answers = [cot.ask("What shape does the image contain?", image, route=route) for route in ("apprentice", "master")]
print(json.dumps({"perdure": perdure.__file__, "answers": [[a.text, a.source, a.model] for a in answers]}))
"""


@pytest.mark.slow
def test_a_wheel_answers_a_question_offline(root: Path, tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, root], check=True)
    (wheel,) = tmp_path.glob("perdure-*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--no-index", "--target", tmp_path / "site", wheel], check=True)
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    said = json.loads(done.stdout.splitlines()[-1])
    assert Path(said["perdure"]).is_relative_to(tmp_path)
    assert [answer[1:] for answer in said["answers"]] == [
        ["apprentice", "embedded:apprentice"],
        ["master", "embedded:master"],
    ]
    assert all(answer[0] for answer in said["answers"])
    assert wheel.stat().st_size < 40_000_000
