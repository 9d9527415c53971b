"""The road through the wizard in a terminal: what is pressed when the screen says what."""

from __future__ import annotations

import re

from tests.tui.tmux import Tmux


def to_the_plan(terminal: Tmux, target: str) -> None:
    """From the start on an instance to the planned road to `target`, which is under the cursor or one of those listed."""
    terminal.until("[Detection]", "Looked at")
    terminal.press("n")
    screen = terminal.until("[Path]", "Installed:", gone="Looking for")
    if not _row(screen, target):
        terminal.press("a")
    _put_the_cursor_on(terminal, target)
    terminal.press("Enter")
    terminal.until("Planned:")
    terminal.press("n")


def to_the_chosen_keys(terminal: Tmux, source: str, road: str) -> None:
    """From the start on both ends of a migration to the checks of what is proposed."""
    terminal.until("[Servers]", source, road)
    terminal.press("n")
    screen = terminal.until("[Carry over]", "APP_KEY", "locked", "Files:")
    assert "the source's secret" in screen
    terminal.press("n")


def through_the_checks(terminal: Tmux, *, accept: str = "") -> None:
    """Read every warning, take the blocker `accept` upon oneself."""
    screen = terminal.until("[Checks]", " passed")
    if accept:
        assert "1 blocker" in screen, screen
        terminal.until(f"── {accept} ─")
        terminal.press("a")
        terminal.until("Go on in spite of this?")
        terminal.press("y")
        screen = terminal.until("accepted", gone="Go on in spite")
        terminal.press("Down")
        screen = terminal.until("[Checks]", gone=f"── {accept} ─")
    while " to read" in screen:
        left = screen.splitlines()[2]
        terminal.press("Space")
        screen = terminal.until("[Checks]", gone=left)
    terminal.until("Nothing stands in the way")
    terminal.press("n")


def start(terminal: Tmux, what: str = "upgrade") -> None:
    """See the backup, and start the upgrade or migration."""
    terminal.until("[Backup]", "before anything changes", "Free space")
    terminal.press("Enter")
    terminal.until(f"Start the {what}?")
    terminal.press("y")


def watch(terminal: Tmux) -> None:
    """See one step after the other begin; how long the whole run takes does not matter."""
    screen = terminal.until("[Run]", "step ")
    while step := re.search(r"step \d+ of \d+", screen):
        screen = terminal.until("dfwizard", gone=step[0])


def to_the_summary(terminal: Tmux, *told: str) -> str:
    """From a good end to the last screen; `told` is what it must tell."""
    terminal.until("[Verify]", "Verified")
    terminal.press("n")
    return terminal.until("[Done]", *told)


def _row(screen: str, target: str) -> str:
    """Give the row of a release, "" where it is not in sight."""
    found = re.search(rf"^[> ] [✓✗] {re.escape(target)} ", screen, re.MULTILINE)
    return found[0] if found else ""


def _put_the_cursor_on(terminal: Tmux, target: str) -> None:
    """Move the cursor down to a release."""
    screen = terminal.until("All")
    while not _row(screen, target).startswith(">"):
        cursor = next(line for line in screen.splitlines() if line.startswith("> "))
        terminal.press("Down")
        screen = terminal.until("[Path]", gone=cursor)
