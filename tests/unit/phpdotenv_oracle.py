"""The real phpdotenv, as Laravel's Env sets it up, in one long-lived PHP process: the judge of the property tests."""

from __future__ import annotations

import base64
import json
import os
import shutil
import struct
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SCRIPT = r"""<?php
declare(strict_types=1);
error_reporting(E_ALL & ~E_DEPRECATED);
require '/usr/share/php/Illuminate/Support/autoload.php';
require_once '/usr/share/php/Dotenv/autoload.php';
$directory = $argv[1];

function take(int $length): string {
    $data = '';
    while (strlen($data) < $length) {
        $piece = fread(STDIN, $length - strlen($data));
        if ($piece === false || $piece === '') { exit(0); }
        $data .= $piece;
    }
    return $data;
}

function answer($directory, array $question): array {
    // As the environment of a fresh process: only what the question sets.
    $_SERVER = [];
    $_ENV = [];
    foreach ($question['environment'] as $name => $value) { $_SERVER[$name] = $value; }
    Illuminate\Support\Env::enablePutenv();
    $repository = Illuminate\Support\Env::getRepository();
    file_put_contents("$directory/.env", base64_decode($question['data']));
    try {
        $loaded = Dotenv\Dotenv::create($repository, $directory, '.env')->safeLoad();
    } catch (Dotenv\Exception\InvalidFileException $error) {
        return ['error' => base64_encode($error->getMessage())];
    }
    $content = Dotenv\Util\Str::utf8(base64_decode($question['data']))->success()->get();
    $values = [];
    $laravel = [];
    foreach ((new Dotenv\Parser\Parser())->parse($content) as $entry) {
        $value = $repository->get($entry->getName());
        $values[] = [$entry->getName(), $value === null ? null : base64_encode($value)];
        $mapped = Illuminate\Support\Env::get($entry->getName());
        $laravel[] = [$entry->getName(), is_string($mapped) ? base64_encode($mapped) : $mapped];
    }
    foreach ($values as [$name]) { putenv($name); }
    return ['values' => $values, 'laravel' => $laravel];
}

while (true) {
    $length = unpack('N', take(4))[1];
    $reply = json_encode(answer($directory, json_decode(take($length), true)), JSON_THROW_ON_ERROR);
    fwrite(STDOUT, pack('N', strlen($reply)) . $reply);
    fflush(STDOUT);
}
"""


@dataclass(frozen=True)
class Reading:
    """What PHP saw: the message of phpdotenv's refusal, or the values afterwards (None: not set) and env()'s view."""

    error: str | None
    values: dict[str, str | None]
    laravel: dict[str, str | bool | None]


class PhpDotenv:
    """One PHP process that reads files as they are sent. `available()` says whether the machine can run it."""

    def __init__(self, directory: Path) -> None:
        script = directory / "oracle.php"
        script.write_text(_SCRIPT)
        self._errors = (directory / "errors").open("w+b")
        command = ["php", "-d", "display_errors=stderr", str(script), str(directory)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={"PATH": os.environ["PATH"]},
        )

    @staticmethod
    def available() -> bool:
        return shutil.which("php") is not None and Path("/usr/share/php/Dotenv/autoload.php").exists()

    def read(self, data: bytes, environment: Mapping[str, str] | None = None) -> Reading:
        question = {"data": base64.b64encode(data).decode(), "environment": dict(environment or {})}
        reply = self._ask(json.dumps(question).encode())

        def text(value: Any) -> Any:
            return base64.b64decode(value).decode() if isinstance(value, str) else value

        return Reading(
            error=text(reply.get("error")),
            values={name: text(value) for name, value in reply.get("values", [])},
            laravel={name: text(value) for name, value in reply.get("laravel", [])},
        )

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()
        self._errors.seek(0)
        complaints = self._errors.read()
        self._errors.close()
        assert not complaints, complaints.decode(errors="replace")

    def _ask(self, question: bytes) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(struct.pack(">I", len(question)) + question)
        self._process.stdin.flush()
        header = self._process.stdout.read(4)
        if len(header) < 4:
            self._errors.seek(0)
            raise AssertionError(f"the PHP oracle died: {self._errors.read().decode(errors='replace')}")
        return json.loads(self._process.stdout.read(struct.unpack(">I", header)[0]))
