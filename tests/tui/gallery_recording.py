"""What the demo's scenarios really produce, made independent of the machine: the material of the pictures.

Each scenario is run once in a session of tests, whichever worker needs it first, and kept for the others.
"""

from __future__ import annotations

import fcntl
import pickle
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from dfwizard import codec
from dfwizard.backup.shows import shows_prove, shows_take
from dfwizard.backup.subject import EXTRAS, Subject, Tools
from dfwizard.controller import Controller, Prospect
from dfwizard.demo import Sandbox, open_sandbox
from dfwizard.demo.headless import drive, start
from dfwizard.execution import events as ev
from dfwizard.execution import journal
from dfwizard.execution.attach import Update
from dfwizard.execution.store import Run
from dfwizard.instance.database import settings
from dfwizard.instance.facts import Facts, Space
from dfwizard.instance.origin import OriginFacts, ask_tags, read_targets
from dfwizard.planning.checks import Context, check
from dfwizard.planning.plan import EditDotenv
from dfwizard.planning.road import Wish
from dfwizard.planning.upgrade import plan_upgrade, road
from dfwizard.prospects import needs
from dfwizard.rules import Rules, load
from dfwizard.verification.result import Verification

PATH = "/opt/dreamfactory"
STATE = "/var/lib/dfwizard"
BACKUP = f"{STATE}/backups/dreamfactory-20260105-004107"
RUN_ID = "20260105-004108-a1f0"
ME = "root"
OWNER = "dreamfactory"
HOME = "/home/dreamfactory"
TREE_SIZE = 312_400_000
TREE_FILES = 24_318
DATABASE_SIZE = 118_000_000
FREE = 38_700_000_000
MOMENT = "2026-01-05T00:38:20+00:00"
"""When the instance was looked at."""

T = TypeVar("T")
_TOOLS = (
    "git",
    "composer",
    "tar",
    "zstd",
    "gzip",
    "find",
    "sha256sum",
    "sqlite3",
    "systemctl",
    "curl",
    "runuser",
    "sudo",
)
_WITHOUT_RUN = ("long-road", "php-too-old")
"""Scenarios of which the pictures show no run."""


@dataclass(frozen=True)
class Recording:
    """What one scenario gave: the instance's `facts` and the `prospect` of its upgrade, and what its run left behind.

    `heard` are the names of the facts in the order in which they came; `outputs` what each step printed, by the file's name without
    its number; `told` the events of the run; `documents` the run's other files.
    """

    rules: str
    facts: Facts
    heard: tuple[str, ...]
    origin: OriginFacts
    prospect: Prospect
    outputs: Mapping[str, bytes]
    told: tuple[ev.Event, ...]
    documents: Mapping[str, str]

    def rules_of(self, directory: Path) -> Rules:
        """Give the rules with the scenario's own commits; a file for them is made in `directory`."""
        return load(self.rules_file(directory))

    def rules_file(self, directory: Path) -> Path:
        """Write the scenario's rules into `directory`."""
        file = directory / "rules.toml"
        if not file.exists():
            file.write_text(self.rules, encoding="utf-8")
        return file

    def event(self, kind: type[T]) -> T:
        """Give the first event of a kind."""
        return next(event for event in self.told if isinstance(event, kind))

    def verification(self) -> Verification:
        """Give the comparison at the end of the upgrade."""
        return codec.loads(Verification, self.documents["verification.json"])


def recording(name: str, shared: Path) -> Recording:
    """Give the recording of a scenario, made on the first call of the test session; `shared` is for all its workers."""
    file = shared / f"{name}.pickle"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            file.write_bytes(pickle.dumps(_record(name, shared)))
    return cast("Recording", pickle.loads(file.read_bytes()))


def _record(name: str, shared: Path) -> Recording:
    with open_sandbox(name, speed=0) as sandbox:
        controller = sandbox.controller()
        heard: list[str] = []
        wanted, accepted = sandbox.scenario.target, frozenset(sandbox.scenario.accept)
        found = controller.inspect(sandbox.path, on_fact=lambda fact, _value: heard.append(fact))
        origin = _origin(controller, found, wanted)
        prospect = controller.propose(found, wanted, accepted=accepted)
        run = None
        if name not in _WITHOUT_RUN and not prospect.blockers(accepted):
            run = start(sandbox, controller, prospect)
            drive(sandbox, controller, run, _ignore)
        move = _mover(sandbox, found)
        rules = (sandbox.directory / "rules.toml").read_text(encoding="utf-8")
        made = Recording(
            rules=rules,
            facts=_lifelike(move(found)),
            heard=tuple(heard),
            origin=origin,
            prospect=move(prospect),
            outputs=move(_outputs(run)) if run else {},
            told=tuple(move(record.event) for record in journal.read(run.journal).records) if run else (),
            documents=move(_documents(run)) if run else {},
        )
    place = shared / f"{name}.rules"
    place.mkdir()
    return replace(made, prospect=_proposed(made, made.rules_of(place), wanted))


def _ignore(_update: Update) -> None:
    """Watch the run without a word."""


def _origin(controller: Controller, facts: Facts, target: str) -> OriginFacts:
    installed, way = road(facts, controller.rules, target)
    account = {"owner": facts.tree.owner, "home": facts.owner_home}
    origin = ask_tags(controller.host, facts.path, **account)
    return read_targets(
        controller.host, facts.path, origin, (installed.tag, *(one.tag for one in way)), **account
    )


def _outputs(run: Run) -> dict[str, bytes]:
    return {file.name.partition("-")[2]: file.read_bytes() for file in sorted(run.output.iterdir())}


def _documents(run: Run) -> dict[str, str]:
    names = (
        "verification.json",
        "comparison.json",
        "fingerprint-before.json",
        "losses.json",
        "rows-after.json",
    )
    return {
        name: (run.directory / name).read_text(encoding="utf-8")
        for name in names
        if (run.directory / name).exists()
    }


# Away from the machine ----------------------------------------------------------------------------------------------


def _mover(sandbox: Sandbox, facts: Facts) -> Callable[[Any], Any]:
    """Give what puts paths, accounts, moments and sizes of this machine into those of the pictures, in any plain data."""
    root, account = str(sandbox.directory), f"{facts.tree.owner}:{facts.tree.group}"
    texts = (
        (f"{root}/opt/dreamfactory", PATH),
        (f"{root}/state", STATE),
        (f"{root}/home", HOME),
        (f"{root}/bin/", "/usr/bin/"),
        (f"{root}/origin", "https://github.com/dreamfactorysoftware/dreamfactory"),
        (f"{root}/", "/"),
        (account, f"{OWNER}:{OWNER}"),
    )
    patterns = (
        (r"dreamfactory-\d{8}-\d{6}", BACKUP.rpartition("/")[2]),
        (r"\d{8}-\d{6}-[0-9a-f]{4}", RUN_ID),
        (r"tree: [\d.]+ .B at", "tree: 312.4 MB at"),
        (
            r"tree: \d+ files, [\d.]+ .B -> [\d.]+ .B in [\d.]+ s",
            "tree: 24318 files, 312.4 MB -> 88.1 MB in 9.6 s",
        ),
        (r"(database: .* ->) [\d.]+ .B in [\d.]+ s", r"\1 31.9 MB in 6.2 s"),
        (r"backup: [\d.]+ .B in [\d.]+ s", "backup: 120.0 MB in 16.1 s"),
        (r"holds the recorded \d+ names", "holds the recorded 24318 names"),
        (r"backup proven in [\d.]+ s", "backup proven in 17.8 s"),
    )

    def text(value: str) -> str:
        for old, new in texts:
            value = value.replace(old, new)
        for pattern, new in patterns:
            value = re.sub(pattern, new, value)
        return value

    def move(value: Any) -> Any:
        if isinstance(value, str):
            return text(value)
        if isinstance(value, bytes):
            return text(value.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        if isinstance(value, tuple):
            return tuple(move(item) for item in value)
        if isinstance(value, Mapping):
            return {move(key): move(item) for key, item in value.items()}
        if is_dataclass(value) and not isinstance(value, type):
            changes = {field.name: move(getattr(value, field.name)) for field in fields(value)}
            return replace(value, **changes)
        return value

    return move


def _lifelike(facts: Facts) -> Facts:
    """Give the facts as on a server: the account, the sizes and the programs that DreamFactory's installer leaves behind."""
    space = Space(PATH, "/", FREE, 80_000_000_000, ("instance", "database", "runs", "backups"))
    database = facts.database and replace(facts.database, size=DATABASE_SIZE)
    dotenv = facts.dotenv and replace(facts.dotenv, owner=OWNER, group=OWNER, sha256="5a" * 32)
    tree = replace(
        facts.tree,
        owner=OWNER,
        group=OWNER,
        mode=0o2775,
        size=TREE_SIZE,
        files=TREE_FILES,
        mount_point=False,
        parent_writable=True,
        crontabs=(f"{OWNER}: * * * * * php {PATH}/artisan schedule:run",),
        foreign=(),
    )
    return replace(
        facts,
        taken_at=MOMENT,
        seconds=3.8,
        me=ME,
        host="localhost",
        tree=tree,
        web=replace(facts.web, user=OWNER, group=OWNER),
        dotenv=dotenv,
        database=database,
        space=(space,),
        owner_home=HOME,
        problems=(),
        tools={name: f"/usr/bin/{name}" for name in _TOOLS},
    )


def _proposed(made: Recording, rules: Rules, target: str) -> Prospect:
    """Plan and check anew from the facts of the pictures, so that nothing in it speaks of this machine's account or programs."""
    facts, real = made.facts, made.prospect
    installed, way = road(facts, rules, target)
    edit = next((step.action for step in real.plan.steps if isinstance(step.action, EditDotenv)), None)
    tools = Tools(tar_extras=tuple(option for extra in EXTRAS for option in extra))
    values = dict(facts.dotenv.values) if facts.dotenv else {}
    cli = facts.cli()
    subject = Subject(PATH, OWNER, OWNER, ME, cli.binary if cli else "php", settings(values, PATH), tools)
    private = f"/run/dfwizard/{BACKUP.rpartition('/')[2]}"
    lines = shows_take(subject, BACKUP, private), shows_prove(subject, BACKUP, private)
    plan = plan_upgrade(facts, made.origin, rules, installed, way, Wish(BACKUP), edit, lines)
    context = Context(
        facts,
        made.origin,
        rules,
        installed,
        way,
        plan,
        needs=needs(facts, BACKUP, STATE),
        services=real.services,
        lists=real.lists,
    )
    return Prospect(facts, plan, check(context), real.lists, real.services)
