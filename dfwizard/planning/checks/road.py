"""Checks of the road itself: stops that are left out, and the PHP that each of its releases runs on."""

from __future__ import annotations

from dfwizard.instance.facts import PhpFacts
from dfwizard.instance.origin import TargetFacts
from dfwizard.planning.catalogue import explained
from dfwizard.planning.checks.context import Check, Context
from dfwizard.planning.checks.source import shown
from dfwizard.planning.constraint import PHP_MINORS, allows
from dfwizard.planning.findings import Finding, Severity, counted
from dfwizard.planning.gates import hindrance
from dfwizard.planning.php_switch import families, install_lines
from dfwizard.planning.plan import Execute, Plan
from dfwizard.planning.upgrade import left_out, php_window
from dfwizard.rules import Release, direct_reasons


def direct(context: Context) -> list[Finding]:
    """A direct road leaves out stops of the guide: why it may, and what is not known."""
    passed = left_out(context.rules, context.installed, context.goal)
    if len(context.way) > 1 or not passed:
        return []
    reasons = direct_reasons(context.rules, context.installed, context.goal)
    names = " and ".join(release.tag for release in passed)
    return [
        explained(
            "direct-road",
            Severity.WARNING,
            f"The direct road leaves out {counted(len(passed), 'stop')} of the guide: {names}",
            tuple(f"{one.text} ({one.source})" for one in reasons),
        )
    ]


def php(context: Context) -> list[Finding]:
    """The PHP of command line and web server must lie in the window of every release on the road."""
    facts = context.facts
    if facts.cli() is None:
        return [
            explained("php", Severity.BLOCKER, "PHP was not found, or does not start", shown(facts.problems))
        ]
    outside = [
        line
        for release in _before_gates(context)
        if (target := context.origin.target(release.tag)) is not None
        for runtime in facts.php
        for line in _outside(target, runtime)
    ]
    if not outside and any(hop.gate for hop in context.plan.hops):
        return _gates(context)
    if not outside:
        windows = [
            f"{target.tag}: PHP {', '.join(php_window(target)) or 'none'}" for target in context.targets
        ]
        return [explained("php-window", Severity.OK, "PHP fits every release on the road", tuple(windows))]
    return [
        explained(
            "php-window",
            Severity.BLOCKER,
            "PHP is outside what a release on the road allows",
            tuple(outside),
            remedy=_php_remedy(context),
        )
    ]


def _before_gates(context: Context) -> list[Release]:
    """Give the releases that the PHP of now has to run: those up to the first gate."""
    found = []
    for release, hop in zip(context.way, context.plan.hops, strict=True):
        if hop.gate:
            break
        found.append(release)
    return found


def _gates(context: Context) -> list[Finding]:
    """Say at which stops the run will wait for another PHP, and what can be done before it begins."""
    runtime = context.facts.cli()
    old = runtime.minor if runtime else ""
    gated = [hop for hop in context.plan.hops if hop.gate]
    lines: list[str] = []
    for hop in gated:
        lines += install_lines(context.rules, context.facts, old, hop.gate[0])
        old = hop.gate[0]
    beside = all(family.beside for family in families(context.rules, context.facts))
    return [
        explained(
            "php-gate",
            Severity.WARNING,
            f"The run will wait for you {counted(len(gated), 'time')}, in maintenance mode, until PHP has been switched",
            tuple(
                f"before {hop.to}: PHP {' or '.join(hop.gate)} for command line and web server"
                for hop in gated
            ),
            remedy=(
                "Install it before the run begins, so that only the switch is left: both PHP versions live side by side"
                if beside
                else "Have its packages at hand; where both PHP versions can live side by side, install it before the run begins"
            )
            + ". As root:\n"
            + "\n".join(lines),
        )
    ]


def _outside(target: TargetFacts, runtime: PhpFacts) -> list[str]:
    against = [name for name, constraint in target.php.items() if not allows(constraint, runtime.version)]
    if not against:
        return []
    root = target.php.get("(root)")
    window = ", ".join(php_window(target)) or "no PHP at all"
    reason = (
        f"composer.json asks for {root}"
        if "(root)" in against
        else f"{against[0]} asks for {target.php[against[0]]}"
    )
    others = len(against) - 1
    more = f", with {counted(others, 'package')} of the lock" if others else ""
    return [f"{target.tag} runs on PHP {window}; {runtime.sapi} is {runtime.version} ({reason}{more})"]


def _php_remedy(context: Context) -> str:
    runtime = context.facts.cli()
    now = runtime.minor if runtime else ""
    hindered = hindrance(context.facts, _program(context.plan))
    wait = (
        f" A gate is not possible: {hindered}."
        if hindered
        else " Or have the run wait, in maintenance mode, while you switch: --php-gates (w where the wizard shows the road)."
    )
    legs = _php_legs(context, now)
    minor, _ = legs[-1]
    install = (
        f"PHP {minor} for command line and FPM with the extensions of now (Debian, Ubuntu: php{minor}-cli "
        f"php{minor}-fpm; RHEL: the php:remi-{minor} module)"
    )
    accept = f"`--accept php-window` overrides this, and is recorded.{wait}"
    if len(legs) == 1:
        return f"Install {install}, point the site's fastcgi_pass at its socket, and check again. {accept}"
    one, *others = (
        f"upgrade to {last.tag} with PHP {runs}"
        if index == 0 and runs == now
        else f"install PHP {runs} and upgrade to {last.tag}"
        for index, (runs, last) in enumerate(legs)
    )
    words = ", ".join([f"{one} first", *(f"then {other}" for other in others)])
    return (
        f"No PHP runs every stop: {words}. Each time install it for command line and FPM with the extensions of now (Debian, "
        f"Ubuntu: php{minor}-cli php{minor}-fpm; RHEL: the php:remi-{minor} module) and point the site's fastcgi_pass at its "
        f"socket. {accept}"
    )


def _program(plan: Plan) -> str | None:
    """Give the php that the plan runs artisan with."""
    return next(
        (
            step.action.argv[0]
            for step in plan.steps
            if isinstance(step.action, Execute) and step.action.argv[1:2] == ("artisan",)
        ),
        None,
    )


def _php_legs(context: Context, now: str) -> list[tuple[str, Release]]:
    """Give the fewest legs of the road that one PHP each runs, as that PHP's minor and the leg's last stop.

    Of several minors it is the one of now, else the oldest.
    """
    legs: list[tuple[tuple[str, ...], Release]] = []
    for release in context.way:
        target = context.origin.target(release.tag)
        window = (php_window(target) if target else ()) or release.php_minors or PHP_MINORS
        shared = tuple(minor for minor in legs[-1][0] if minor in window) if legs else ()
        if shared:
            legs[-1] = (shared, release)
        else:
            legs.append((tuple(window), release))
    return [(now if now in window else window[0], last) for window, last in legs]


ROAD_CHECKS: tuple[Check, ...] = (direct, php)
