"""Backups of real instances on three databases: there, proven, and back to the identical instance."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from dfwizard import codec
from dfwizard.backup.credentials import client_credentials
from dfwizard.backup.manifest import Manifest, read_manifest, read_proof
from dfwizard.backup.prove import prove, verify
from dfwizard.backup.restore import restore_database
from dfwizard.backup.shows import shows_prove, shows_restore, shows_take
from dfwizard.backup.take import take
from dfwizard.errors import BackupError
from tests.lab.backup_site import (
    Site,
    names_in,
    put_back,
    sentences,
    site_of,
)
from tests.lab.fixtures import StartLab

pytestmark = pytest.mark.lab


class TestRoundTrip:
    def test_everything_damaged_comes_back_identical(self, site: Site, backup: str) -> None:
        before = site.fingerprint()
        wreck(site)
        after = sentences(before, site.fingerprint())
        assert any("artisan" in text for text in after)
        assert any("lookup" in text for text in after)
        put_back(site, backup)
        assert sentences(before, site.fingerprint()) == []
        assert not [name for name in names_in(site.lab.instance.parent) if "dfwizard" in name]

    def test_tables_and_columns_added_since_vanish(self, site: Site, backup: str) -> None:
        before = site.fingerprint()
        site.lab.query("CREATE TABLE mqtt_config (id integer, service_id integer)")
        site.lab.query("CREATE VIEW newer AS SELECT id FROM mqtt_config")
        site.lab.query("ALTER TABLE role ADD COLUMN newer integer")
        assert len(sentences(before, site.fingerprint())) >= 3
        restore_database(site.context, site.subject, backup)
        restore_database(site.context, site.subject, backup)
        assert sentences(before, site.fingerprint()) == []

    def test_the_manifest_tells_what_is_in_it(self, site: Site, backup: str) -> None:
        manifest = read_manifest(site.context.host, backup)
        assert manifest.instance == site.subject.path
        assert manifest.release == "6.3.0"
        assert manifest.database is not None
        user = "`user`" if site.subject.driver == "mysql" else '"user"'
        rows = site.lab.query(f"SELECT count(*) FROM {user}")
        assert int(rows[0][0]) == manifest.database.tables["user"].rows
        for part in manifest.parts:
            data = (Path(backup) / part.name).read_bytes()
            assert (len(data), hashlib.sha256(data).hexdigest()) == (part.size, part.sha256)
        assert codec.loads(Manifest, codec.dumps(manifest)) == manifest
        assert names_in(backup) == sorted(
            [*(part.name for part in manifest.parts), "manifest.json", "proof.json"]
        )
        assert {(Path(backup) / name).stat().st_mode & 0o777 for name in names_in(backup)} == {0o600}
        assert Path(backup).stat().st_mode & 0o777 == 0o700

    def test_the_proof_says_what_was_shown(self, site: Site, backup: str) -> None:
        proof = read_proof(site.context.host, backup)
        assert proof is not None
        assert proof.key is not None
        assert proof.key.state == "proven"
        assert (
            proof.manifest_sha256 == hashlib.sha256((Path(backup) / "manifest.json").read_bytes()).hexdigest()
        )
        assert any("tables with the recorded rows and values" in text for text in proof.proven)

    def test_no_secret_is_in_manifest_proof_or_output(self, site: Site, backup: str) -> None:
        password, key = site.lab.db_password, site.lab.app_key
        told = "\n".join(site.lines) + (Path(backup) / "manifest.json").read_text()
        told += (Path(backup) / "proof.json").read_text()
        told += "".join(shows_take(site.subject, backup, "/p") + shows_prove(site.subject, backup, "/p"))
        told += "".join(shows_restore(site.subject, backup, "/p", "r"))
        for secret in (password, json.dumps(password)[1:-1], key, key.removeprefix("base64:")):
            assert secret not in told
            assert base64.b64encode(secret.encode()).decode() not in told
        assert names_in(site.context.private) == []

    def test_a_verified_backup_needs_no_instance(self, site: Site, backup: str) -> None:
        check = verify(site.context, backup)
        assert len(check.proven) == 3
        assert "no access" in check.notes[0]


def wreck(site: Site) -> None:
    tree = site.lab.instance
    shutil.rmtree(tree / "vendor")
    shutil.rmtree(tree / ".git")
    (tree / "artisan").write_text("broken")
    (tree / "composer.json").unlink()
    (tree / "new\nfile").write_text("new")
    (tree / "config").chmod(0o700)
    os.chown(tree / "config" / "app.php", 0, 0)
    (tree / ".env").write_text("APP_KEY=other\n")
    (tree / "storage" / "framework" / "down").write_text("{}")
    site.lab.query("DELETE FROM lookup")
    name = "`user`" if site.subject.driver == "mysql" else '"user"'
    site.lab.query(f"UPDATE {name} SET password = 'x'")


class TestPlaces:
    def test_a_backup_goes_nowhere_wrong(self, sqlite_site: Site, place: Path) -> None:
        site = sqlite_site
        link = place / "shortcut"
        link.symlink_to(site.lab.instance)
        for directory in (f"{site.subject.path}/backup", f"{link}/backup", site.subject.path):
            with pytest.raises(BackupError, match="contain itself"):
                take(site.context, site.subject, directory)
        with pytest.raises(BackupError, match="absolute"):
            take(site.context, site.subject, "backup")
        existing = site.place / "existing"
        existing.mkdir()
        (existing / "file").write_text("mine")
        with pytest.raises(BackupError, match="never overwrites"):
            take(site.context, site.subject, str(existing))
        assert (existing / "file").read_text() == "mine"

    def test_an_env_behind_a_link_is_put_back_where_it_lies(self, start_lab: StartLab, place: Path) -> None:
        lab = start_lab("sqlite")
        (place / "linked").mkdir(mode=0o700)
        real = lab.directory / "secrets.env"
        (lab.instance / ".env").rename(real)
        (lab.instance / ".env").symlink_to("../../secrets.env")
        site = site_of(lab, place / "linked")
        before = site.fingerprint()
        directory = site.new("linked")
        take(site.context, site.subject, directory)
        real.write_text("APP_KEY=\n")
        real.chmod(0o666)
        assert sentences(before, site.fingerprint()) == ["the file behind .env differs"]
        put_back(site, directory)
        assert sentences(before, site.fingerprint()) == []
        assert (lab.instance / ".env").is_symlink()

    def test_a_setgid_parent_leaves_no_mark(self, start_lab: StartLab, place: Path) -> None:
        lab = start_lab("sqlite")
        (place / "setgid").mkdir(mode=0o700)
        (lab.instance / "plain").mkdir()
        subprocess.run(["chmod", "00750", lab.instance / "plain"], check=True)
        lab.instance.parent.chmod(0o2755)
        site = site_of(lab, place / "setgid")
        before = site.fingerprint()
        assert before.files["plain"].mode == "750"
        directory = site.new("setgid")
        take(site.context, site.subject, directory)
        put_back(site, directory)
        assert sentences(before, site.fingerprint()) == []

    def test_a_deleted_instance_comes_back(self, start_lab: StartLab, place: Path) -> None:
        lab = start_lab("sqlite")
        (place / "deleted").mkdir(mode=0o700)
        site = site_of(lab, place / "deleted")
        before = site.fingerprint()
        directory = site.new("deleted")
        take(site.context, site.subject, directory)
        shutil.rmtree(lab.instance)
        put_back(site, directory)
        assert sentences(before, site.fingerprint()) == []

    def test_other_compressors_do_as_well(self, start_lab: StartLab, place: Path) -> None:
        lab = start_lab("mariadb")
        (place / "gzip").mkdir(mode=0o700)
        site = site_of(lab, place / "gzip")
        before = site.fingerprint()
        for argv in (("pigz", "-c"), ("gzip", "-1", "-c")):
            subject = replace(site.subject, tools=replace(site.subject.tools, compressor=argv, suffix=".gz"))
            directory = site.new("gzip")
            take(site.context, subject, directory)
            prove(site.context, subject, directory)
            wreck(site)
            # the backup is restored with what the host has now
            put_back(site, directory)
            assert sentences(before, site.fingerprint()) == []


class TestShown:
    def test_the_shown_commands_do_the_same_by_hand(self, site: Site) -> None:
        before = site.fingerprint()
        by_hand = site.new("by-hand")
        found = site.subject.settings
        assert found is not None
        with client_credentials(site.context.host, found, site.context.private):
            shell(shows_take(site.subject, by_hand, site.context.private))
            wreck_files_only(site)
            site.lab.query("DELETE FROM lookup")
            shell(shows_restore(site.subject, by_hand, site.context.private, "hand"))
        if found.driver != "sqlite":
            assert sentences(before, site.fingerprint()) == []
        else:
            assert before.database == site.fingerprint().database
        shutil.rmtree(site.lab.instance.parent / ".dreamfactory.dfwizard-aside-hand")
        if found.driver == "sqlite":
            shutil.chown(str(found.file), site.lab.owner, site.lab.owner)
            Path(str(found.file)).chmod(0o660)
        assert sentences(before, site.fingerprint()) == []


def wreck_files_only(site: Site) -> None:
    shutil.rmtree(site.lab.instance / "vendor")
    (site.lab.instance / "artisan").write_text("broken")


def shell(lines: tuple[str, ...]) -> None:
    script = "\n".join(("set -eu", "umask 077", *lines))
    subprocess.run(["sh", "-c", script], check=True, capture_output=True)
