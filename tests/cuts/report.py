"""The tables: one line for each kind of cut, one for each run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.cuts.cutting import Journey
from tests.cuts.judging import Verdict
from tests.cuts.kinds import Kind


@dataclass(frozen=True)
class Judged:
    """A run and what is to be said of it."""

    journey: Journey
    verdict: Verdict


def by_kind(runs: Sequence[Judged]) -> str:
    """Write the table of kinds; a double start or lost bytes count for the cuts that were made in the step that they belong to."""
    rows: list[tuple[str, ...]] = [("Kind of cut", "Cuts", "Recovered", "Double starts", "Lost bytes")]
    total = [0, 0, 0, 0]
    for kind in Kind:
        made = [(run, one) for run in runs for one in run.journey.made if one.cut.kind is kind]
        steps = {(run.journey.run.id, one.step) for run, one in made}
        figures = [
            len(made),
            sum(one.recovered for _, one in made),
            *(
                sum(
                    count for run in runs for step, count in found(run) if (run.journey.run.id, step) in steps
                )
                for found in (_doubles, _lost)
            ),
        ]
        total = [before + figure for before, figure in zip(total, figures, strict=True)]
        rows.append((kind.words, *map(str, figures)))
    # Of what belongs to several kinds, or to none, the sums tell the truth.
    total[2:] = [sum(count for run in runs for _, count in found(run)) for found in (_doubles, _lost)]
    return table([*rows, ("all", *map(str, total))])


def by_run(runs: Sequence[Judged]) -> str:
    """Write the table of runs."""
    rows: list[tuple[str, ...]] = [
        ("Run", "Cuts", "Seconds", "Commands", "Starts", "Bytes compared", "Ended")
    ]
    for run in runs:
        journey, verdict = run.journey, run.verdict
        ended = journey.outcome or "unfinished"
        rows.append(
            (
                journey.road,
                str(len(journey.made)),
                f"{journey.seconds:.0f}",
                str(verdict.commands),
                str(verdict.starts),
                str(verdict.compared),
                ended if verdict.good else f"{ended}: MISSED",
            )
        )
    return table(rows)


def complaints(runs: Sequence[Judged]) -> str:
    """Write what is wrong, and where the cuts had been made; empty when nothing is."""
    lines = []
    for run in runs:
        if run.verdict.good:
            continue
        lines.append(f"{run.journey.road}, {run.journey.run.directory}:")
        lines += [f"  {step}: {count} starts too many" for step, count in run.verdict.doubles]
        lines += [f"  {step}: {count} bytes of output lost" for step, count in run.verdict.lost]
        lines += [f"  {problem}" for problem in run.verdict.problems]
        lines += [
            f"  cut after {one.after:5.1f} s in {one.phase}/{one.step} on {one.server}: {one.cut}"
            for one in run.journey.made
        ]
    return "\n".join(lines)


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Write rows as a table of Markdown, the first one its head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    head, *body = (
        f"| {' | '.join(text.ljust(width) for text, width in zip(row, widths, strict=True))} |"
        for row in rows
    )
    return "\n".join([head, f"|{'|'.join('-' * (width + 2) for width in widths)}|", *body])


def _doubles(run: Judged) -> list[tuple[str, int]]:
    return run.verdict.doubles


def _lost(run: Judged) -> list[tuple[str, int]]:
    return run.verdict.lost
