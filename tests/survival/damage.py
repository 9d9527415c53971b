"""Row 6: backups that are cut off, flipped, swapped or another's: each is found before anything is put back, and no good one is refused."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

from dfwizard.backup.manifest import MANIFEST, PROOF, read_manifest
from dfwizard.backup.prove import prove, verify
from dfwizard.backup.restore import restore_database
from dfwizard.backup.take import take
from dfwizard.backup.tree import restore_tree
from dfwizard.errors import BackupError
from tests.lab.backup_site import Site, sentences
from tests.survival.report import Line


class Damages:
    """One good backup of a site, of which a copy is damaged anew each time."""

    def __init__(self, site: Site, chance: random.Random) -> None:
        self._site = site
        self._chance = chance
        self._good = Path(proven(site))
        self._copy = Path(site.new("damaged"))
        self._before = site.fingerprint()
        self.parts = tuple(part.name for part in read_manifest(site.context.host, str(self._good)).parts)

    def cuts(self, count: int) -> Line:
        """Cut a file off at a random byte."""
        line = Line(6, f"{self._engine}: a file of the backup cut off at random", count)
        for _ in range(count):
            name = self._chance.choice((*self.parts, MANIFEST))
            at = self._chance.randrange((self._good / name).stat().st_size)
            self._put(name, (self._good / name).read_bytes()[:at])
            line.count(self._unseen(f"{name} cut off after {at} bytes"))
        return line

    def flips(self, count: int) -> Line:
        """Change a random byte of a file."""
        line = Line(6, f"{self._engine}: a byte of an archive, of .env or of the manifest changed", count)
        for number in range(count):
            name = (*self.parts, MANIFEST, MANIFEST)[number % (len(self.parts) + 2)]
            data = bytearray((self._good / name).read_bytes())
            at = self._chance.randrange(len(data))
            data[at] ^= self._chance.randrange(1, 256)
            self._put(name, bytes(data))
            line.count(self._unseen(f"{name}, byte {at}"))
        return line

    def swaps(self) -> Line:
        """Put one part in another's place, and parts and manifest of another backup of the same instance."""
        other = Path(proven(self._site))
        names = (*self.parts, MANIFEST)
        pairs = list(combinations(names, 2))
        differing = [
            name for name in names if (other / name).read_bytes() != (self._good / name).read_bytes()
        ]
        line = Line(6, f"{self._engine}: parts swapped, or another backup's", len(pairs) + len(differing))
        for one, two in pairs:
            self._put(one, (self._good / two).read_bytes())
            (self._copy / two).write_bytes((self._good / one).read_bytes())
            line.count(self._unseen(f"{one} and {two} swapped"))
        for name in differing:
            self._put(name, (other / name).read_bytes())
            line.count(self._unseen(f"{name} of another backup"))
        return line

    def foreign(self, other: Site) -> Line:
        """Offer the whole backup of another instance."""
        line = Line(6, f"{self._engine}: the backup of another instance", 1)
        directory = proven(other)
        line.count(
            ""
            if self._refused(lambda: prove(self._site.context, self._site.subject, directory))
            else "proven"
        )
        return line

    def boundaries(self, count: int) -> Line:
        """End the dump behind a statement, with a manifest that fits, as if it had been written so (MySQL's dumps are statements)."""
        dump = self._good / "database.sql.zst"
        text = subprocess.run(["zstd", "-dc", str(dump)], capture_output=True, check=True).stdout
        trailer = text[text.rindex(b"-- Dump completed") :]
        ends = [at + 2 for at in range(len(text) - len(trailer)) if text[at : at + 2] == b";\n"]
        line = Line(6, f"{self._engine}: the dump ends behind a statement, and its sums fit", len(ends))
        for at in sorted(self._chance.sample(ends, min(count, len(ends)))):
            self._put(dump.name, _packed(text[:at]))
            self._reseal()
            seen = self._refused(lambda: verify(self._site.context, str(self._copy)))
            line.count("" if seen else f"cut off after {at} bytes: not seen")
        return line

    def hollow(self, count: int) -> Line:
        """The same with the dump's last line at its end: only the restoration into a scratch database can see that."""
        dump = self._good / "database.sql.zst"
        text = subprocess.run(["zstd", "-dc", str(dump)], capture_output=True, check=True).stdout
        trailer = text[text.rindex(b"-- Dump completed") :]
        inserts = [at for at in range(len(text)) if text.startswith(b"\nINSERT INTO ", at)]
        line = Line(6, f"{self._engine}: an INSERT is missing in a dump that ends well", len(inserts))
        assert trailer
        for at in self._chance.sample(inserts, min(count, len(inserts))):
            self._put(dump.name, _packed(text[:at] + text[text.index(b";\n", at) + 1 :]))
            self._reseal()
            seen = self._refused(lambda: prove(self._site.context, self._site.subject, str(self._copy)))
            line.count("" if seen else f"the INSERT at byte {at}: not seen")
        return line

    def untouched(self) -> str:
        """Say what all of this has changed in the instance; "" when nothing."""
        return "; ".join(sentences(self._before, self._site.fingerprint()))

    @property
    def _engine(self) -> str:
        return self._site.lab.database.engine

    def _put(self, name: str, data: bytes) -> None:
        shutil.rmtree(self._copy, ignore_errors=True)
        shutil.copytree(self._good, self._copy)
        (self._copy / name).write_bytes(data)

    def _reseal(self) -> None:
        path = self._copy / MANIFEST
        data = json.loads(path.read_text())
        for part in data["parts"]:
            content = (self._copy / part["name"]).read_bytes()
            part["size"], part["sha256"] = len(content), hashlib.sha256(content).hexdigest()
        path.write_text(json.dumps(data))
        (self._copy / PROOF).unlink()

    def _unseen(self, what: str) -> str:
        """Try to put the damaged copy back by every door; say so when one of them lets it through."""
        site, copy = self._site, str(self._copy)
        doors: dict[str, Callable[[], object]] = {
            "verify": lambda: verify(site.context, copy),
            "restoring": lambda: _restored(site, copy),
        }
        through = [name for name, door in doors.items() if not self._refused(door)]
        return f"{what}: not seen by {' and '.join(through)}" if through else ""

    def _refused(self, door: Callable[[], object]) -> bool:
        try:
            door()
        except BackupError:
            return True
        return False


def _restored(site: Site, directory: str) -> None:
    """Put tree and database back, in the order in which a rollback does."""
    restore_tree(site.context, site.subject, directory, f"survival{os.getpid()}-{os.urandom(4).hex()}")
    restore_database(site.context, site.subject, directory)


def _packed(text: bytes) -> bytes:
    return subprocess.run(["zstd", "-c"], input=text, capture_output=True, check=True).stdout


def proven(site: Site) -> str:
    """Take a backup of the site and prove it."""
    directory = site.new("good")
    take(site.context, site.subject, directory, release="6.3.0")
    prove(site.context, site.subject, directory)
    return directory


def good_ones(site: Site, chance: random.Random, count: int) -> Line:
    """Take backups while files and rows change between them: each has to be proven, and found good again afterwards."""
    line = Line(6, f"{site.lab.database.engine}: good backups, each of another content", count)
    grown = site.lab.instance / "storage" / "app" / "survival"
    for number in range(count):
        grown.write_bytes(chance.randbytes(chance.choice((0, 1, 100, 100_000))))
        shutil.chown(grown, site.lab.owner, site.lab.owner)
        site.lab.query(f"update role set description = 'round {number}' where id = 1")
        try:
            directory = proven(site)
            verify(site.context, directory)
            shutil.rmtree(directory)
            line.count("")
        except BackupError as error:
            line.count(f"refused: {error}")
    grown.unlink()
    return line
