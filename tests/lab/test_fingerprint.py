"""The fingerprint of an instance names each kind of change, and is quick on a large tree."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from dfwizard import codec
from dfwizard.backup.fingerprint import Fingerprint
from tests.lab.backup_site import (
    sentences,
    site_of,
)
from tests.lab.fixtures import StartLab

pytestmark = pytest.mark.lab


class TestFingerprint:
    def test_each_kind_of_change_is_named(self, start_lab: StartLab, place: Path) -> None:
        lab = start_lab("sqlite")
        (place / "prints").mkdir(mode=0o700)
        site = site_of(lab, place / "prints")
        tree = lab.instance
        before = codec.loads(Fingerprint, codec.dumps(site.fingerprint()))
        assert sentences(before, site.fingerprint()) == []

        (tree / "storage" / "logs" / "dreamfactory.log").write_text("noise")
        (tree / "storage" / "framework" / "cache" / "noise").write_text("noise")
        lab.git("status")
        lab.query("DELETE FROM token_map")
        assert sentences(before, site.fingerprint()) == []

        (tree / "artisan").chmod(0o700)
        os.chown(tree / "composer.json", 0, 0)
        (tree / "vendor" / "autoload.php").write_text("<?php")
        (tree / "linked").symlink_to("artisan")
        (tree / "storage" / "framework" / "down").write_text("{}")
        lab.git("branch", "newer")
        lab.git("update-ref", "refs/stash", "HEAD")
        lab.query("UPDATE role SET description = 'other'")
        after = sentences(before, site.fingerprint())
        for sign in (
            "artisan: mode",
            "composer.json: owner",
            "vendor/autoload.php: other content",
            "symlink linked is new",
            "maintenance mode was off",
            "refs/heads/newer was not there",
            "refs/stash was not there",
            "table role has other values",
        ):
            assert [text for text in after if sign in text], (sign, after)

    def test_a_large_tree_takes_a_few_seconds(self, start_lab: StartLab, place: Path) -> None:
        lab = start_lab("sqlite")
        (place / "large").mkdir(mode=0o700)
        site = site_of(lab, place / "large")
        for number in range(240):
            directory = lab.instance / "vendor" / f"package{number}"
            directory.mkdir()
            for name in range(100):
                (directory / f"file{name}.php").write_text(f"<?php // {number} {name}\n" * 40)
        began = time.monotonic()
        found = site.fingerprint()
        text = codec.dumps(found)
        assert sentences(codec.loads(Fingerprint, text), found) == []
        assert len(found.files) > 24_000
        assert time.monotonic() - began < 60
