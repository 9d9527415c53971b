"""A plan for the terminal: the road with its gates, then every step with its command, reason and way back."""

from __future__ import annotations

from dfwizard.hosts.naming import LOCAL, is_local, located
from dfwizard.planning.moves import CarryDotenv
from dfwizard.planning.plan import EditDotenv, Execute, Plan, Step, Verify
from dfwizard.reports.commands import described, on, shown
from dfwizard.reports.measures import count
from dfwizard.reports.terminal import WIDTH, columns, heading, plain, plain_lines, wrap, wrap_command


def plan_text(plan: Plan, *, host: str = LOCAL, width: int = WIDTH) -> str:
    """Give the plan as text, `width` columns wide; commands that are longer are continued with a backslash.

    `host` is the name of the host that the instance is on; another one than this machine is named.
    """
    title = f"{plan.kind.capitalize()} of {plan.instance}: {plan.frm} -> {plan.to}"
    if plan.kind == "migration":
        title = f"Migration: {plan.frm} -> {plan.to}"
    lines = [*heading(title, line="="), ""]
    lines += columns(
        (
            *([("from", located(plan.source_host, plan.source))] if plan.source else []),
            *([("to", located(plan.host, plan.instance))] if plan.source else []),
            *([] if is_local(host) or plan.source else [("on", host)]),
            ("runs as", plan.me),
            ("tree's owner", plan.owner),
            ("backup", plan.backup),
            ("steps", count(len(plan.steps), "step")),
        ),
        width=width,
    )
    lines += ["", *_road(plan, width)] if plan.hops else []
    lines += ["", *heading("Steps")]
    for number, step in enumerate(plan.steps, 1):
        lines += ["", *_step(plan, number, step, width)]
    return "\n".join(lines) + "\n"


def _road(plan: Plan, width: int) -> list[str]:
    lines = [*heading("Road"), "", f"  {plain(plan.hops[0].frm)}"]
    gates = {step.hop: step for step in plan.steps if isinstance(step.action, Verify) and step.hop >= 0}
    for index, hop in enumerate(plan.hops):
        lines.append("   |")
        lines += wrap(
            f"{hop.method}. PHP {', '.join(hop.php) or 'not known'}.", width=width, indent="   |    "
        )
        for note in hop.notes:
            lines += wrap(note, width=width, indent="   |    ", first="   |  - ")
        for warning in hop.warnings:
            lines += wrap(f"Warning: {warning}", width=width, indent="   |    ", first="   |  ! ")
        lines.append("   v")
        gate = f", then the gate: {gates[index].title}" if index in gates else ""
        lines += wrap(f"{hop.to} (commit {hop.commit[:10]}){gate}", width=width, indent="    ", first="  ")
    return lines


def _step(plan: Plan, number: int, step: Step, width: int) -> list[str]:
    label = f"{number:>2}. "
    indent = " " * len(label)
    lines = wrap(step.title, width=width, indent=indent, first=label)
    lines += wrap(step.reason, width=width, indent=indent)
    if where := on(plan, step):
        lines += _labelled("on", where, width, indent)
    for command in shown(step, me=plan.me):
        lines += wrap_command(command, width=width, indent=indent)
    if what := described(step.action):
        lines += wrap(what, width=width, indent=indent)
    if isinstance(step.action, (EditDotenv, CarryDotenv)):
        lines += [f"{indent}  {line}".rstrip() for line in plain_lines(step.action.diff)]
    if isinstance(step.action, Execute) and step.action.stop_on:
        stopping = ", ".join(f"/{pattern}/" for pattern in step.action.stop_on)
        lines += _labelled("stops on", f"output with {stopping}", width, indent)
    if isinstance(step.action, Execute) and step.action.refuse:
        refused = ", ".join(f"/{pattern}/" for pattern in step.action.refuse)
        lines += _labelled("fails on", f"output with {refused}", width, indent)
    lines += _labelled("undo", step.undo_text, width, indent)
    if step.guide:
        lines += _labelled("guide", step.guide, width, indent)
    if step.departs:
        lines += _labelled("departs", step.departs, width, indent)
    if not step.required:
        lines += _labelled("if it fails", "the run goes on and reports a warning", width, indent)
    return lines


def _labelled(label: str, text: str, width: int, indent: str) -> list[str]:
    first = f"{indent}{label}: "
    return wrap(text, width=width, indent=indent + "  ", first=first)
