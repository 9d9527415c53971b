"""The releases that an instance could be upgraded to, with what speaks for and against each. A pure function of facts and rules."""

from __future__ import annotations

from dataclasses import dataclass

from dfwizard.errors import BlockedError
from dfwizard.instance.facts import Facts
from dfwizard.rules import Release, Rules, UnknownRelease, direct_reasons, stops


@dataclass(frozen=True)
class Choice:
    """A release newer than the installed one.

    `date` is ISO; `hops` the tags of the stops on the way, the release itself last (empty when it is refused); `refused` says why it
    cannot be chosen, "" when it can. `newest` and `newest_of_major` are of the releases that may be installed. `php` are the PHP
    minors that the release runs on as the rules know them, `php_met` whether every stop runs on the command line's PHP (None: it is
    not known); `laravel` the version that it locks. `direct` are the reasons for which the stops between may be left out, empty where
    there are none or they may not.
    """

    tag: str
    date: str
    hops: tuple[str, ...]
    refused: str
    newest: bool
    newest_of_major: bool
    php: tuple[str, ...]
    php_met: bool | None
    laravel: str
    warnings: tuple[str, ...]
    direct: tuple[str, ...] = ()


def choices(facts: Facts, rules: Rules) -> tuple[Choice, ...]:
    """Give every release newer than the installed one, the newest first; none when the installed release is not known."""
    installed = rules.by_tag(facts.version.release) if facts.version.release else None
    if installed is None:
        return ()
    cli = facts.cli()
    minor = cli.minor if cli else None
    now = rules.behaves_as(installed)
    newer = [one for one in rules.releases if rules.behaves_as(one) > now and one.commit != installed.commit]
    return tuple(_choice(rules, installed, one, minor) for one in reversed(newer))


def _choice(rules: Rules, installed: Release, release: Release, minor: str | None) -> Choice:
    refused = ""
    way: tuple[Release, ...] = ()
    try:
        way = stops(rules, installed, release)
    except BlockedError as error:
        refused = " ".join(text for text in (_sentence(error.what), error.remedy or "") if text)
    return Choice(
        tag=release.tag,
        date=release.date,
        hops=tuple(one.tag for one in way),
        refused=refused,
        newest=_newest_of(rules, None) == release.tag,
        newest_of_major=_newest_of(rules, release.major) == release.tag,
        php=release.php_minors,
        php_met=None if minor is None else all(minor in one.php_minors for one in way or (release,)),
        laravel=release.laravel,
        warnings=tuple(warning.text for warning in release.warnings),
        direct=_direct(rules, installed, release) if len(way) > 1 else (),
    )


def _direct(rules: Rules, installed: Release, release: Release) -> tuple[str, ...]:
    try:
        reasons = direct_reasons(rules, installed, release)
    except BlockedError:
        return ()
    return tuple(f"{one.text} ({one.source})" for one in reasons)


def _newest_of(rules: Rules, major: int | None) -> str | None:
    """Give the tag of the newest release of a line (None: of all) that may be installed; None when there is none."""
    try:
        return (rules.newest() if major is None else rules.newest_of_major(major)).tag
    except UnknownRelease:
        return None


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
