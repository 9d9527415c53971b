"""A program in a real terminal: tmux on a socket of its own, keys by send-keys, the screen by capture-pane."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

PATIENCE = 120.0
"""Seconds after which something awaited is taken not to come."""

LOOK_SECONDS = 0.05
"""The pause between two looks at the screen: tmux tells nobody that it has changed."""


class Tmux:
    """Runs `argv` with `environ` in a window of tmux of `size` (columns, rows)."""

    def __init__(
        self, argv: Sequence[str], environ: Mapping[str, str], size: tuple[int, int] = (80, 24)
    ) -> None:
        self._place = Path(tempfile.mkdtemp(prefix="dfwizard-tmux-"))
        words = [f"{key}={value}" for key, value in environ.items() if key not in ("TERM", "TMUX")]
        command = "exec " + shlex.join(["env", "-i", *words, "TERM=tmux-256color", *argv])
        self._tmux(
            *("start-server", ";", "set-option", "-g", "remain-on-exit", "on", ";"),
            *("set-option", "-g", "status", "off", ";", "set-option", "-g", "escape-time", "0", ";"),
            *("new-session", "-d", "-x", str(size[0]), "-y", str(size[1]), command),
        )

    def __enter__(self) -> Tmux:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._tmux("kill-server", check=False)
        shutil.rmtree(self._place, ignore_errors=True)

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names for them (`n`, `Enter`, `Escape`, `Space`, `Down`)."""
        self._tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        """Type text and Enter."""
        self._tmux("send-keys", "-l", text)
        self.press("Enter")

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def screen(self) -> str:
        """Give what is on the screen."""
        return self._tmux("capture-pane", "-p").rstrip("\n")

    def until(self, *texts: str, gone: str = "") -> str:
        """Wait until all `texts` are on the screen, and `gone` is not, and give the screen."""
        limit = time.monotonic() + PATIENCE
        while True:
            screen = self.screen()
            if all(text in screen for text in texts) and not (gone and gone in screen):
                return screen
            assert time.monotonic() < limit, f"waited in vain for {texts} without {gone!r}:\n{screen}"
            assert not self._dead(), f"it ended before it said {texts}:\n{screen}"
            time.sleep(LOOK_SECONDS)

    def end(self) -> int:
        """Wait for the end of the program, and give its exit code; what it said last stays on the screen."""
        limit = time.monotonic() + PATIENCE
        while not self._dead():
            assert time.monotonic() < limit, f"it does not end:\n{self.screen()}"
            time.sleep(LOOK_SECONDS)
        while (
            how := self._tmux("display-message", "-p", "#{pane_dead_status}/#{pane_dead_signal}").strip()
        ) == "/":
            assert time.monotonic() < limit, "tmux does not say how it ended"
            self._tmux(
                "run-shell", "true"
            )  # it notices the end of a child now and then only when another one ends
        return int(how.partition("/")[0] or -1)

    def _dead(self) -> bool:
        return self._tmux("display-message", "-p", "#{pane_dead}").strip() == "1"

    def _tmux(self, *arguments: str, check: bool = True) -> str:
        argv = ("tmux", "-S", str(self._place / "socket"), "-f", "/dev/null", "-u", *arguments)
        done = subprocess.run(argv, capture_output=True, text=True, encoding="utf-8", check=False)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout
