"""What is asked once, what is asked again, what is handed over, and that nothing secret shows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from dfwizard.errors import CodecError
from dfwizard.hosts.prompts import Headless, Keeper, Prompts, Question, UnknownKey

QUESTION = Question("password", "jo@web1", "Password of jo@web1", "password:jo@web1:22")
KEY = UnknownKey("web1", "10.0.0.7:22", "ssh-ed25519", "SHA256:abc")


@dataclass
class Person:
    """Answers from a list, and remembers what was asked."""

    answers: Iterator[str | None]
    accept: bool = True
    asked: list[Question | UnknownKey] = field(default_factory=list)

    def secret(self, question: Question) -> str | None:
        self.asked.append(question)
        return next(self.answers)

    def accept_key(self, key: UnknownKey) -> bool:
        self.asked.append(key)
        return self.accept


def person(*answers: str | None, accept: bool = True) -> Person:
    return Person(iter(answers), accept)


def test_an_answer_is_asked_for_once() -> None:
    jo = person("swordfish")
    keeper = Keeper(jo)
    assert [keeper.secret(QUESTION), keeper.secret(QUESTION)] == ["swordfish", "swordfish"]
    assert jo.asked == [QUESTION]
    assert keeper.knows(QUESTION.key)


def test_a_wrong_answer_is_forgotten() -> None:
    jo = person("wrong", "right", "anew")
    keeper = Keeper(jo)
    keeper.secret(QUESTION)
    assert keeper.secret(replace(QUESTION, again=True)) == "right"
    assert keeper.secret(QUESTION) == "right"
    keeper.forget(QUESTION.key)
    assert not keeper.knows(QUESTION.key)
    assert keeper.secret(QUESTION) == "anew"


def test_giving_up_is_not_remembered_and_takes_the_wrong_answer_along() -> None:
    keeper = Keeper(person("wrong", None, "later"))
    keeper.secret(QUESTION)
    assert keeper.secret(replace(QUESTION, again=True)) is None
    assert keeper.secret(QUESTION) == "later"


def test_an_answer_without_a_key_holds_once() -> None:
    keeper = Keeper(person("111111", "222222"))
    once = replace(QUESTION, key="")
    assert [keeper.secret(once), keeper.secret(once)] == ["111111", "222222"]


def test_an_accepted_key_is_not_asked_about_again_but_a_refused_one_is() -> None:
    jo = person(accept=False)
    keeper = Keeper(jo)
    assert not keeper.accept_key(KEY)
    jo.accept = True
    assert keeper.accept_key(KEY)
    assert keeper.accept_key(KEY)
    assert len(jo.asked) == 2
    assert keeper.accept_key(replace(KEY, sha256="SHA256:other"))
    assert len(jo.asked) == 3


def test_answers_can_be_handed_over() -> None:
    odd = replace(QUESTION, key="odd")
    keeper = Keeper(person("swördfish\udc80\n", "x"))
    keeper.secret(odd)
    keeper.accept_key(KEY)
    heir = Keeper.imported(keeper.exported(), Headless())
    assert heir.secret(odd) == "swördfish\udc80\n"
    assert heir.accept_key(KEY)
    assert heir.secret(QUESTION) is None
    assert not heir.accept_key(replace(KEY, sha256="SHA256:other"))


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b"\xff", b'{"answers": {"a": "swordfish"}, "accepted": [[1]]}']
)
def test_what_cannot_be_read_is_refused_without_being_quoted(data: bytes) -> None:
    with pytest.raises(CodecError) as caught:
        Keeper.imported(data, Headless())
    assert "swordfish" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_nothing_secret_shows() -> None:
    keeper = Keeper(person("swordfish"))
    keeper.secret(QUESTION)
    assert "swordfish" not in repr(keeper) + str(keeper)


def test_threads_with_the_same_question_ask_it_once() -> None:
    jo = person("swordfish")
    keeper = Keeper(jo)
    start = threading.Barrier(8)
    given: list[str | None] = []

    def ask() -> None:
        start.wait()
        given.append(keeper.secret(QUESTION))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert given == ["swordfish"] * 8
    assert len(jo.asked) == 1


def test_what_is_known_can_be_had_while_a_question_waits() -> None:
    asked, answered = threading.Event(), threading.Event()

    class Slow:
        def secret(self, question: Question) -> str | None:
            if question.key == QUESTION.key:
                return "swordfish"
            asked.set()
            answered.wait(20)
            return "late"

        def accept_key(self, key: UnknownKey) -> bool:
            raise AssertionError(key)

    keeper = Keeper(Slow())
    keeper.secret(QUESTION)
    other = threading.Thread(target=keeper.secret, args=(replace(QUESTION, key="other"),))
    other.start()
    assert asked.wait(20)
    assert keeper.secret(QUESTION) == "swordfish"
    assert b"swordfish" in keeper.exported()
    assert not keeper.knows("other")
    keeper.forget(QUESTION.key)
    answered.set()
    other.join()
    assert keeper.knows("other")
    assert not keeper.knows(QUESTION.key)


def test_nobody_to_ask() -> None:
    nobody: Prompts = Headless()
    assert nobody.secret(QUESTION) is None
    assert not nobody.accept_key(KEY)
    assert Headless(accept_new=True).accept_key(KEY)
