"""The gallery's way to another server: choosing it, its key, its password, what goes wrong, and its instances."""

from __future__ import annotations

from dfwizard.hosts.prompts import Question, UnknownKey
from dfwizard.instance.discover import Found
from dfwizard.tui.screens.dialogs import MessageDialog
from dfwizard.tui.screens.prompt_dialogs import HostKeyDialog, SecretDialog
from dfwizard.tui.screens.server_dialog import ServerDialog
from dfwizard.tui.session import Session
from tests.tui.driving import Drive
from tests.tui.gallery import Sitting, pose
from tests.tui.gallery_recording import PATH
from tests.tui.gallery_world import World

SERVER = "admin@db1.example.com"
KNOWN = (SERVER, "ssh://db2", "ssh://standby", "deploy@192.0.2.17:2222")
KEY = UnknownKey(
    "db1.example.com",
    "192.0.2.11:22",
    "ssh-ed25519",
    "SHA256:jKDxIVFhy3dYFXHzG0pPq3mXN5rLbYgBqyM4uE0gq1s",
)


async def _choosing(sitting: Sitting, world: World, drive: Drive) -> ServerDialog:
    """Open the dialog with servers that are the same everywhere."""
    await drive.until_text("The first time here?")
    sitting.patch.setattr(world.controller, "known_hosts", lambda: KNOWN)
    await drive.press("s")
    await drive.until(lambda: isinstance(drive.wizard.screen, ServerDialog), "the dialog")
    dialog = drive.wizard.screen
    assert isinstance(dialog, ServerDialog)
    return dialog


@pose
async def server_choosing(sitting: Sitting) -> None:
    world = sitting.world()
    async with sitting.open(world) as drive:
        await _choosing(sitting, world, drive)
        await drive.press("down")
        await sitting.shoot(drive)


@pose
async def server_connecting(sitting: Sitting) -> None:
    world = sitting.world()
    async with sitting.open(world) as drive:
        dialog = await _choosing(sitting, world, drive)
        sitting.patch.setattr(dialog._asking, "background", lambda *_work, **_how: None)
        await drive.press("down", "enter")
        await drive.until_text("Connecting to")
        await sitting.shoot(drive)


@pose
async def server_key(sitting: Sitting) -> None:
    world = sitting.world()
    async with sitting.open(world) as drive:
        await drive.until_text("The first time here?")
        drive.wizard.push_screen(HostKeyDialog(KEY))
        await drive.until_text("SHA256:")
        await sitting.shoot(drive)


@pose
async def server_password(sitting: Sitting) -> None:
    world = sitting.world()
    async with sitting.open(world) as drive:
        await drive.until_text("The first time here?")
        question = Question("sudo", SERVER, "[sudo] password for admin", "sudo", again=True)
        dialog = SecretDialog(question)
        drive.wizard.push_screen(dialog)
        await drive.until(lambda: dialog.focused is not None, "the field")
        await drive.press(*"secret")
        await sitting.shoot(drive)


@pose
async def server_refused(sitting: Sitting) -> None:
    world = sitting.world()
    async with sitting.open(world) as drive:
        await _choosing(sitting, world, drive)
        lines = [
            f"{SERVER}: the connection was refused: nothing listens at 192.0.2.11 port 22",
            "See that sshd runs there and which port it listens on: ssh -v admin@db1.example.com",
        ]
        drive.wizard.push_screen(MessageDialog("That server was not reached", lines))
        await drive.until_text("was refused")
        await sitting.shoot(drive)


@pose
async def instance_elsewhere(sitting: Sitting) -> None:
    world = sitting.world()
    world.controller.found = (
        Found(PATH, "nginx serves it (/etc/nginx/sites-enabled/dreamfactory.conf)", "6.3.0"),
    )
    async with sitting.open(world, Session(host=SERVER)) as drive:
        await drive.until_text("6.3.0")
        await sitting.shoot(drive)
