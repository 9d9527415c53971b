"""Checks of the code: is it the release, the whole release, and nothing but the release?"""

from __future__ import annotations

from dfwizard.rules import AdminUi
from dfwizard.verification.result import Check, Verdict
from dfwizard.verification.situation import Situation, first_version

_UI = {"composer": "in public/", "release-zip": "of a release.zip", "missing": "missing"}


def commit(situation: Situation) -> Check:
    """HEAD is the release's commit, or has its tree."""
    before, after = situation.before.git, situation.after.git
    expected = situation.commit or situation.release.commit
    was = before.commit[:10] if before else ""
    title = "Code (git commit)"
    if after is None:
        return Check(
            "commit", title, was, "no git checkout", Verdict.FAILED, "The release cannot be told from git."
        )
    now = after.commit[:10]
    tag = situation.release.tag
    if after.commit == expected:
        return Check("commit", title, was, now, Verdict.OK, f"This is the commit of {tag}.")
    if situation.release.tree and after.tree == situation.release.tree:
        return Check(
            "commit", title, was, now, Verdict.EXPECTED, f"Another commit with exactly the files of {tag}."
        )
    return Check(
        "commit",
        title,
        was,
        now,
        Verdict.FAILED,
        f"{tag} is {expected[:10]}: the checkout did not arrive there.",
    )


def changed_files(situation: Situation) -> Check:
    """No tracked file differs from the release that did not differ before."""
    title = "Tracked files that differ"
    before = situation.before.git.dirty if situation.before.git else ()
    after = situation.after.git.dirty if situation.after.git else ()
    known = {item.path for item in before} | set(situation.before.tree.licensed)
    new = [item.path for item in after if item.path not in known]
    numbers = (str(len(before)), str(len(after)))
    if new:
        listed = ", ".join(new[:5]) + (f" and {len(new) - 5} more" if len(new) > 5 else "")
        return Check(
            "changed-files", title, *numbers, Verdict.WARNING, f"They did not differ before: {listed}."
        )
    if len(after) < len(before):
        return Check(
            "changed-files",
            title,
            *numbers,
            Verdict.EXPECTED,
            "The checkout set the others aside; what they held is in the backup and in git's stash.",
        )
    return Check("changed-files", title, *numbers, Verdict.OK)


def config_version(situation: Situation) -> Check:
    """config/app.php says what the release's own says, which is not always its tag."""
    title = "Version in config/app.php"
    was = first_version(situation.said("config", before=True))
    now = first_version(situation.said("config"))
    expected = situation.release.config_version
    if now != expected:
        why = f"{situation.release.tag} says {expected} there."
        return Check("config-version", title, was, now, Verdict.FAILED, why)
    if expected != situation.release.version:
        why = f"{situation.release.tag} itself says {expected} there."
        return Check("config-version", title, was, now, Verdict.EXPECTED, why)
    return Check("config-version", title, was, now, Verdict.OK)


def vendor(situation: Situation) -> Check:
    """vendor/ holds what composer.lock names: otherwise composer install did not finish."""
    title = "Packages (composer.lock, vendor)"
    lock, installed = situation.evidence("composer.lock"), situation.evidence("installed.json")
    was = situation.said("installed.json", before=True)
    if lock is None or installed is None:
        missing = "composer.lock" if lock is None else "vendor/composer/installed.json"
        return Check("vendor", title, was, "", Verdict.FAILED, f"{missing} cannot be read.")
    tag = situation.release.tag
    disagreements = [
        text for text in situation.after.version.conflicts if "vendor" in text or "installed" in text
    ]
    if disagreements:
        return Check("vendor", title, was, installed.said, Verdict.FAILED, " ".join(disagreements))
    if installed.fits and tag not in installed.fits:
        why = f"vendor/ fits {_some(installed.fits)}, not {tag}: composer install did not finish."
        return Check("vendor", title, was, installed.said, Verdict.FAILED, why)
    if tag in lock.fits:
        return Check("vendor", title, was, installed.said, Verdict.OK)
    if situation.after.tree.licensed:
        why = "The lock is that of your licence files, not the open-source one."
        return Check("vendor", title, was, installed.said, Verdict.EXPECTED, why)
    if lock.fits:
        why = f"composer.lock is that of {_some(lock.fits)}, not of {tag}."
        return Check("vendor", title, was, installed.said, Verdict.FAILED, why)
    why = f"composer.lock is not the one known of {tag}; vendor/ agrees with it."
    return Check("vendor", title, was, installed.said, Verdict.EXPECTED, why)


def admin_ui(situation: Situation) -> tuple[Check, ...]:
    """Composer's plugin has put the admin UI into public/: with plugins disabled it stays in vendor/, and composer exits with 0."""
    if situation.release.admin_ui is AdminUi.RELEASE_ZIP:
        return ()
    title = "Admin UI (files)"
    was, now = _UI[situation.before.tree.admin_ui], _UI[situation.after.tree.admin_ui]
    if situation.after.tree.admin_ui == "composer":
        return (Check("admin-files", title, was, now, Verdict.OK),)
    why = "public/dreamfactory/dist is missing: composer ran without its plugins. Run composer install again, with plugins."
    return (Check("admin-files", title, was, now, Verdict.FAILED, why),)


def laravel(situation: Situation) -> Check:
    """Artisan starts, and is the release's Laravel."""
    title = "Laravel (php artisan --version)"
    was = situation.before.artisan.version_line or ""
    now = situation.after.artisan.version_line
    if now is None:
        why = situation.after.artisan.error or "artisan did not start."
        return Check("laravel", title, was, "", Verdict.FAILED, why)
    found, expected = first_version(now), situation.release.laravel
    if found == expected:
        return Check("laravel", title, was, now, Verdict.OK)
    if found.split(".")[0] == expected.split(".")[0]:
        why = f"{situation.release.tag} locks {expected}; this is another patch of the same line."
        return Check("laravel", title, was, now, Verdict.EXPECTED, why)
    why = f"{situation.release.tag} has Laravel {expected}: the old vendor/ or a compiled cache is still in use."
    return Check("laravel", title, was, now, Verdict.FAILED, why)


def conflicts(situation: Situation) -> tuple[Check, ...]:
    """The signs of the version agree with each other."""
    before = set(situation.before.version.conflicts)
    return tuple(
        Check(
            "version-evidence",
            "Signs of the version",
            "" if text not in before else "the same",
            "they disagree",
            Verdict.WARNING,
            text,
        )
        for text in situation.after.version.conflicts
        if "vendor" not in text and "installed" not in text
    )


def php(situation: Situation) -> Check:
    """The command line's PHP is the web server's, and the release allows it."""
    title = "PHP (command line, web server)"
    was, now = (_both(facts.cli(), facts.fpm()) for facts in (situation.before, situation.after))
    cli, fpm = situation.after.cli(), situation.after.fpm()
    allowed = situation.release.php_minors
    if cli is None:
        return Check("php", title, was, now, Verdict.FAILED, "No PHP on the command line.")
    if fpm is not None and fpm.minor != cli.minor:
        why = f"Artisan runs on {cli.minor}, the web server on {fpm.minor}."
        return Check("php", title, was, now, Verdict.WARNING, why)
    if cli.minor not in allowed:
        needs = f"{situation.release.tag} is made for PHP {_some(allowed)}"
        if "php-window" in situation.accepted:
            return Check("php", title, was, now, Verdict.EXPECTED, f"{needs}; php-window was accepted.")
        return Check("php", title, was, now, Verdict.FAILED, f"{needs}.")
    if fpm is None:
        return Check("php", title, was, now, Verdict.OK, "The web server's PHP is not known.")
    return Check("php", title, was, now, Verdict.OK)


def _both(cli: object, fpm: object) -> str:
    versions = [getattr(each, "version", "?") for each in (cli, fpm) if each is not None]
    return ", ".join(versions)


def _some(items: tuple[str, ...]) -> str:
    return ", ".join(items[:4]) + (" …" if len(items) > 4 else "") if items else "none that is known"
