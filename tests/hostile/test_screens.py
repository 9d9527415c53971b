"""Nothing from outside is markup, an action or a link on a screen, and no line of it is obeyed by the terminal."""

from __future__ import annotations

import ast
import asyncio
from datetime import datetime, timezone
from pathlib import Path

import pytest
from rich.text import Text
from textual.content import Content
from textual.widgets import Static

import dfwizard.tui
from dfwizard.controller import Controller
from dfwizard.instance.discover import Found
from dfwizard.tui.screens import detection_rows, instance_rows
from dfwizard.tui.screens.detection_answers import SUBJECTS, values
from dfwizard.tui.screens.dialogs import MessageDialog
from dfwizard.tui.screens.instance_rows import Known
from dfwizard.tui.widgets.linelog import shown
from tests.hostile.corpus import ATOMS, cases
from tests.hostile.test_terminal import filled, obeyed
from tests.tui.driving import Drive, driving
from tests.tui.told_runs import told
from tests.unit import samples

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=timezone.utc)
MARKED = ATOMS["markup"]
EVIL = "".join(
    ATOMS[kind]
    for kind in ("markup", "action", "markup that does not end", "colour", "right to left", "title")
)


def test_every_text_of_the_corpus_is_text_in_every_row() -> None:
    number = 0
    for text in cases("screen"):
        found = filled(samples.facts(), text)
        rows: list[Text | str] = [
            line for row in detection_rows.final_rows(values(found), 78) for line in row.lines
        ]
        for subject, _ in SUBJECTS:
            rows += detection_rows.details(subject, found, 78)
        known = Known((), (Found(f"/srv/{text}", text, text),))
        rows += [line for row in instance_rows.rows(known, 76, NOW) for line in row.lines]
        lines = [row.plain if isinstance(row, Text) else row for row in rows]
        lines += [shown(text), shown(text.encode("utf-8", "surrogateescape"))]
        assert not [line for line in lines if obeyed(line) or "\n" in line], ascii(text)
        spans = {str(span.style) for row in rows if isinstance(row, Text) for span in row.spans}
        assert not [style for style in spans if "click" in style or "link" in style]
        number += len(lines)
    assert number > 150 * 20
    marked = detection_rows.final_rows(values(filled(samples.facts(), MARKED)), 200)
    assert any(MARKED in line.plain for row in marked for line in row.lines)


def on_screen(drive: Drive) -> str:
    """Give what is to be read, having seen that no widget takes a text of its own accord for markup."""
    for widget in drive.wizard.screen.query(Static):
        content = widget.content
        assert not widget._render_markup or isinstance(content, (Text, Content)) or not str(content), widget
    text = drive.text()
    assert obeyed(text) == []
    return text


def test_screens_of_runs_and_instances(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    monkeypatch.setenv("DFWIZARD_STATE_DIR", str(tmp_path / "state"))
    controller = Controller()
    path = f"/srv/{EVIL}"
    asking = told(controller.store, done=3, asks=True, path=path)
    told(controller.store, done=2, outcome="failed", path=path)

    async def main() -> None:
        async with driving(controller, size=(120, 40)) as drive:
            await drive.until_stage("instance")
            assert MARKED in on_screen(drive)
            await drive.press("h")
            await drive.until_stage("history")
            assert MARKED in on_screen(drive)
            drive.wizard.push_screen(MessageDialog(EVIL, [EVIL, f"- {EVIL}"]))
            await drive.until_text("esc Close")
            assert on_screen(drive).count(MARKED) >= 3
            drive.wizard.pop_screen()
            drive.wizard.watch_run(asking)
            await drive.until_stage("failure")
            on_screen(drive)

    asyncio.run(main())


def test_no_screen_hands_textual_a_text_that_it_would_read_as_markup() -> None:
    """What is shown later cannot be seen by looking once: the calls themselves say whether they take markup."""
    wrong = []
    calls = 0
    for path in Path(dfwizard.tui.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            plain = any(
                word.arg == "markup" and isinstance(word.value, ast.Constant) and word.value.value is False
                for word in node.keywords
            )
            first = node.args[0] if node.args else None
            safe = plain or (isinstance(first, ast.Call) and getattr(first.func, "id", "") == "Text")
            if name in ("Static", "notify") or name.endswith("Label"):
                calls += 1
                if not safe:
                    wrong.append(f"{path.name}:{node.lineno}")
            if name in ("from_markup", "Button", "Checkbox", "RadioButton", "Option", "Digits", "Markdown"):
                wrong.append(f"{path.name}:{node.lineno}")
    assert calls > 30
    assert wrong == []
