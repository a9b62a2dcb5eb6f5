"""Small things that all processes share: what models cost, and what calibration has learned."""

from __future__ import annotations

from collections.abc import Callable

from perdure.cot.models.model import Price

from .part import Part


class Settings(Part):
    """The settings' part of the cache."""

    @property
    def identity(self) -> str:
        """A name that no other cache has, nor one that is begun anew in the same folder."""
        return (self.setting("identity") or b"").decode()

    def setting(self, key: str) -> bytes | None:
        """What was set; None if nothing was."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def set_setting(self, key: str, value: bytes | None) -> None:
        """Set it; None removes it."""
        self.change_setting(key, lambda _: value)

    def change_setting(self, key: str, change: Callable[[bytes | None], bytes | None]) -> bytes | None:
        """Set it to what ``change`` makes of it, while no other process can: the new value. ``change`` has to be quick."""
        with self._database.transaction(durable=False) as connection:
            value = change(self.setting(key))
            if value is None:
                connection.execute("DELETE FROM settings WHERE key = ?", (key,))
            else:
                connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (key, value))
        return value

    def set_price(self, model: str, price: Price | None) -> None:
        """Say what a model costs, by its name; None takes that back."""
        with self._database.transaction() as connection:
            if price is None:
                connection.execute("DELETE FROM prices WHERE model = ?", (model,))
            else:
                row = (model, price.prompt, price.completion, price.call)
                connection.execute("INSERT OR REPLACE INTO prices VALUES (?, ?, ?, ?)", row)

    def price(self, model: str) -> Price | None:
        """What the user said that a model costs; None if nothing."""
        return self.prices().get(model)

    def prices(self) -> dict[str, Price]:
        """All that the user has said."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT model, prompt, completion, call FROM prices ORDER BY model")
            return {model: Price(*numbers) for model, *numbers in rows}
