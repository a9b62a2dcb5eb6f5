"""Trains the embedded demo models: the encoder, then the apprentice, whose eyes begin as the encoder's, and the master.

    python -m benchmarks.train_embedded [encoder|apprentice|master|all] [--minutes N] [--steps N] [--device auto] [--seed 0]

Without ``--minutes`` or ``--steps`` it runs `STEPS`: under three hours on two cores. Each look during training adds a line to
``training.jsonl`` beside the weights, and saves them. Needs ``npm`` for the emoji, and easy-vqa, scikit-learn, torch, open_clip and
transformers.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
EMBEDDED: Final = ROOT / "kernel_ext" / "perdure" / "cot" / "embedded"
MODELS: Final = ("encoder", "apprentice", "master")
STEPS: Final = {"encoder": 1_600, "apprentice": 3_000, "master": 2_000}
"""About 20, 28 and 38 minutes of one core with bfloat16, twice that without."""


def main() -> None:
    """Train what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="all", choices=[*MODELS, "all"])
    parser.add_argument("--minutes", type=float, help="processor minutes for each, instead of steps")
    parser.add_argument("--steps", type=int, help="optimizer steps for each")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch on a CPU")
    parser.add_argument("--into", type=Path, default=EMBEDDED, help="the folder for the weights")
    parser.add_argument("--eyes", type=Path, help="another encoder's folder to begin the eyes from")
    parser.add_argument(
        "--from", dest="base", type=Path, help="a model's folder to begin from; the master's is the apprentice's"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on from the weights that are there, at the step that the log names"
    )
    given = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"

    import torch

    from perdure.cot.models.torchvision_ops import make_importable

    make_importable()
    torch.set_num_threads(given.threads)
    device = given.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    from benchmarks.embedded import contrast, training
    from benchmarks.embedded.schedule import Budget

    for name in MODELS if given.model == "all" else (given.model,):
        steps = given.steps if given.steps or given.minutes else STEPS[name]
        budget = Budget(name, given.into / "training.jsonl", minutes=given.minutes, steps=steps, resume=given.resume)
        folder = given.into / name
        start = folder if given.resume else None
        if name == "encoder":
            contrast.run(folder, budget, given.seed, device=device, start=start)
            continue
        if name == "master" and start is None:
            start = given.base or given.into / "apprentice"
        begin = training.Begin(given.eyes or given.into / "encoder", start or given.base)
        training.run(name, folder, begin, budget, given.seed, device)


if __name__ == "__main__":
    main()
