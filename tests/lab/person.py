"""A person at the terminal, as far as connecting to a host needs one: gives the answers in order and remembers what was asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from dfwizard.hosts.prompts import Question, UnknownKey


@dataclass
class Person:
    """`answers` are given one by one, then none; one may be a function, which is called when it is its turn."""

    answers: list[str | Callable[[], str]] = field(default_factory=list)
    accept: bool = False
    asked: list[Question] = field(default_factory=list)
    keys: list[UnknownKey] = field(default_factory=list)

    def secret(self, question: Question) -> str | None:
        self.asked.append(question)
        if not self.answers:
            return None
        answer = self.answers.pop(0)
        return answer if isinstance(answer, str) else answer()

    def accept_key(self, key: UnknownKey) -> bool:
        self.keys.append(key)
        return self.accept


def person(*answers: str | Callable[[], str], accept: bool = False) -> Person:
    return Person(list(answers), accept)
