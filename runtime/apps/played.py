"""`heedful replay` with its options: which of the ways to play, and the file that a run is written to."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from runtime.apps.arguments import question, seconds, speed, start
from runtime.apps.replay import Question, ReplayResult, replay
from runtime.apps.swap import swap
from runtime.apps.swap_perception import perceive_only
from runtime.apps.tap import both
from runtime.config import Config
from runtime.errors import ConfigError, InputError
from runtime.messages import Answer, Message
from runtime.recording.bags import is_container
from runtime.recording.runwriter import RunWriter

logger = logging.getLogger(__name__)


async def play(
    arguments: argparse.Namespace,
    config: Config,
    *,
    on_answer: Callable[[Answer], None],
    listen: Callable[[Message], None] | None,
) -> ReplayResult:
    """Play as the arguments say, and write `--out`.

    Raises ConfigError or InputError where they do not go together, and all that the ways to play raise.
    """
    questions = [Question(text=question("--ask-at", text), at_s=seconds(at)) for at, text in arguments.ask_at]
    questions += [Question(text=question("--ask", text)) for text in arguments.ask]
    _check(arguments, questions)
    out: Path | None = arguments.out
    run = RunWriter(out, config.model_dump_json(), arguments.swap or "replay") if out is not None else None
    playing = _course(arguments, config, questions, on_answer, both(listen, run.add if run is not None else None))
    try:
        result = await playing
        if run is not None:
            run.close(
                result.session,
                result.latency_ms,
                origin_ns=result.origin_ns,
                length_s=result.length_s,
                playing_s=result.playing_s,
            )
    except BaseException:  # also Ctrl-C
        if run is not None and run.break_off():
            logger.warning("%s holds what was said until then", out)
        raise
    return result


def _course(
    arguments: argparse.Namespace,
    config: Config,
    questions: list[Question],
    on_answer: Callable[[Answer], None],
    listen: Callable[[Message], None] | None,
) -> Coroutine[Any, Any, ReplayResult]:
    rate, start_s = speed(arguments.speed), start(arguments.start)
    paths, memory = arguments.paths, arguments.memory
    match arguments.swap:
        case "perception":
            return perceive_only(paths, config, speed=rate, listen=listen, start_s=start_s)
        case "memory" | "reasoning":
            return swap(
                paths[0],
                config,
                arguments.swap,
                speed=rate,
                memory=memory,
                on_answer=on_answer,
                listen=listen,
                questions=questions,
            )
    return replay(
        paths,
        config,
        questions,
        speed=rate,
        memory=memory,
        on_answer=on_answer,
        listen=listen,
        explains=arguments.explain,
        start_s=start_s,
    )


def _check(arguments: argparse.Namespace, questions: list[Question]) -> None:
    start_s = start(arguments.start)
    for one in questions:
        if one.at_s is not None and one.at_s < start_s:
            raise ConfigError(
                "--ask-at", f"{one.at_s:g} s is before --start {start_s:g}: nothing is played of that time"
            )
    if arguments.swap is None:
        return
    if arguments.swap != "perception" and len(arguments.paths) != 1:
        raise ConfigError("--swap", "takes one run")
    if questions and (arguments.swap != "reasoning" or any(one.at_s is not None for one in questions)):
        raise ConfigError("--ask", "only --swap reasoning answers, and only at the end; a run has its questions")
    if arguments.swap != "perception" and start_s:
        raise ConfigError("--start", "a run is played from its beginning")
    if arguments.swap == "perception" and arguments.memory is not None:
        raise ConfigError("--memory", "--swap perception remembers nothing")
    run: Path = arguments.paths[0]
    if arguments.swap != "perception" and run.is_file() and os.access(run, os.R_OK) and not is_container(run):
        raise InputError(run, f"is no run, and --swap {arguments.swap} takes one: `heedful replay --out` writes it")
