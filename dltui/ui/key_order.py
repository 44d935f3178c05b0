"""Keys act in the order in which they were typed, however fast they come.

Textual hands every key to the focused widget at once, and runs a binding only when its key has
bubbled up again. Of keys that come in one go, as a slow link delivers them, text then overtakes
the binding before it: Ctrl-U empties a field of what was typed after it, and what follows a key
that opens a dialog is lost.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from textual import events
from textual.message_pump import MessagePump

if TYPE_CHECKING:
    from textual.app import App

    _Base = App[int]
else:
    _Base = object

PATIENCE_S = 1.0
"""A key whose action takes longer lets the next ones pass."""


class KeysInOrder(_Base):
    """An app that hands on a key only when the one before has been dealt with."""

    _typed: deque[events.Key]
    _in_flight: events.Key | None = None
    _depth = 0

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, events.Key) or event.is_forwarded:
            # A key may come back when the app is closing and has no screen that it could act on.
            if not isinstance(event, events.Key) or self.screen_stack:
                await super().on_event(event)
        elif self._in_flight is not None or self._waiting_keys:
            self._waiting_keys.append(event)
        else:
            await self._hand_on(event)

    @property
    def _waiting_keys(self) -> deque[events.Key]:
        if not hasattr(self, "_typed"):
            self._typed = deque()
        return self._typed

    async def _hand_on(self, key: events.Key) -> None:
        self._in_flight, self._depth = key, len(self.screen_stack)
        self.set_timer(PATIENCE_S, lambda: self._settled(key))
        target = self.focused or self.screen
        await super().on_event(key)
        self._follow(key, target, [target] if key.is_forwarded else [])

    def _follow(self, key: events.Key, node: MessagePump, laps: list[MessagePump]) -> None:
        """Goes the key's way up to the app, one queue behind it.

        Then once more from where each of `laps` begins, behind what the key's handlers have sent.
        """
        if not node.call_later(self._passed, key, node, laps):
            self._settled(key)

    def _passed(self, key: events.Key, node: MessagePump, laps: list[MessagePump]) -> None:
        parent = node._parent  # Textual has no public word for the next queue up.
        if parent is not None:
            self._follow(key, parent, laps)
        elif laps:
            self._follow(key, laps[0], laps[1:])
        else:
            self._settled(key)

    def _settled(self, key: events.Key) -> None:
        if self._in_flight is not key:
            return
        self._in_flight = None
        if not self.is_running or not self.screen_stack:
            return
        if len(self.screen_stack) < self._depth:
            # Enter pressed twice closes a dialog; it does not act on what lies below.
            while self._waiting_keys and self._waiting_keys[0].key == key.key:
                self._waiting_keys.popleft()
        if self._waiting_keys:
            self.set_timer(PATIENCE_S, self._hand_on_next)
            # A new screen gets it once it is made, a pane that comes to the front once it is there.
            if not self.screen.call_after_refresh(self.call_later, self._hand_on_next):
                self.call_later(self._hand_on_next)

    async def _hand_on_next(self) -> None:
        if self.is_running and self._in_flight is None and self._waiting_keys:
            await self._hand_on(self._waiting_keys.popleft())
