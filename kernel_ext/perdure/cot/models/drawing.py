"""How a local model's next token is drawn: the likeliest one, or by chance from a generator of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


class Drawing:
    """A logits processor that settles each token itself, so that plain greedy `generate` takes what it chose.

    With a temperature it adds Gumbel noise, whose maximum is a draw from the softmax. Every row has its own generator with
    the same seed: no global random state is touched, and a row's draw doesn't depend on the rows beside it. It keeps the log-probability of each
    chosen token under the model's own distribution (at temperature 1), which costs one number a token where
    `generate`'s own scores cost a whole vocabulary.
    """

    def __init__(self, rows: int, temperature: float, seed: int) -> None:
        import torch

        self._temperature = temperature
        self._generators = [torch.Generator("cpu").manual_seed(seed) for _ in range(rows)] if temperature > 0 else []
        self._logprobs: list[torch.Tensor] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        del input_ids
        wanted = scores if not self._generators else scores / self._temperature + self._noise(scores)
        chosen = wanted.argmax(-1, keepdim=True)
        self._logprobs.append(scores.log_softmax(-1).gather(-1, chosen))
        return wanted

    def _noise(self, scores: torch.Tensor) -> torch.Tensor:
        import torch

        size = scores.shape[-1]
        rows = [torch.empty(size, device="cpu").exponential_(generator=generator) for generator in self._generators]
        return -torch.stack(rows).to(scores.device).log()

    def logprobs(self, row: int, tokens: int) -> list[float]:
        """Log-probabilities of the first ``tokens`` tokens of a row."""
        return [float(step[row, 0]) for step in self._logprobs[:tokens]]
