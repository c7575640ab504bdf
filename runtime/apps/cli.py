"""`heedful`: every verb, its arguments and its exit code.

Exit codes: 0 done; 1 unexpected failure; 2 bad usage, configuration or input; 3 something needed is not there (broker,
model, device); 130 interrupted. What goes wrong on purpose is one line on stderr.
"""

from __future__ import annotations

import argparse
import errno
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Never, TypeVar

# Several processes and models share the cores: waiting threads must sleep, not spin. Before torch and FAISS load.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

from runtime.errors import ConfigError, HeedfulError, MissingPart

if TYPE_CHECKING:  # each verb imports what it needs: the first moments are short and Ctrl-C in them is quiet
    from runtime.config import Config
    from runtime.messages import Answer

logger = logging.getLogger(__name__)

T = TypeVar("T")

INTERRUPTED = 130
LINGER_S = 1.0  # how long threads of models may take after everything else has ended
LONGEST_QUESTION = 2_000  # characters
ASK_S = 30.0  # how long `ask` waits for its answer


def main(argv: list[str] | None = None) -> None:
    """Run one verb and exit the process with its code."""
    signal.signal(signal.SIGINT, _leave_at_once)  # nothing is open yet; while something is, the event loop listens
    code = _flushed(run(argv))
    if code == INTERRUPTED:
        os._exit(code)  # all is closed; threads that still load a model, and Python's own tidying, may take seconds
    signal.signal(signal.SIGINT, _leave_at_once)
    deadline_s = time.monotonic() + LINGER_S
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(max(0.0, deadline_s - time.monotonic()))
            if thread.is_alive():
                logger.warning("%s is still busy and is left behind", thread.name)
                os._exit(code)
    sys.exit(code)


def run(argv: list[str] | None = None) -> int:
    """Run one verb and return its exit code."""
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as ended:  # after --help, or a line about what is wrong
        return int(ended.code or 0)
    level = logging.INFO if arguments.verbose else logging.WARNING
    logging.basicConfig(level=level, stream=sys.stderr, format="heedful: %(message)s")
    logging.getLogger("faiss").setLevel(logging.WARNING)
    logging.getLogger("mqtt").setLevel(logging.CRITICAL)  # aiomqtt repeats what our own bus reports
    try:
        return int(arguments.verb(arguments))
    except KeyboardInterrupt:
        return INTERRUPTED
    except (OSError, HeedfulError, ExceptionGroup) as error:
        known = first_known(error)
        if known is None:
            raise
        return 0 if isinstance(known, BrokenPipeError) else _fail(known)  # without a reader there is nothing to say


def first_known(error: BaseException) -> HeedfulError | BrokenPipeError | None:
    """Return the error, or the first in a group of them, that is no bug."""
    if isinstance(error, HeedfulError | BrokenPipeError):
        return error
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        return MissingPart(f"{error.filename or 'the output'} cannot be written ({error.strerror})", "free some space")
    known = (first_known(one) for one in getattr(error, "exceptions", ()))
    return next((one for one in known if one is not None), None)


def _leave_at_once(*_: object) -> Never:
    os._exit(INTERRUPTED)


def _flushed(code: int) -> int:
    """Write what is left to write; Python's own attempt at the end could only complain."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            return code or _fail(MissingPart(f"the output cannot be written ({error.strerror})", "free some space"))
    return code


def _fail(error: HeedfulError) -> int:
    print(f"heedful: {error}", file=sys.stderr)
    return error.exit_code


class _Parser(argparse.ArgumentParser):
    """argparse, but what is wrong with a command is one line."""

    def error(self, message: str) -> Never:
        print(f"{self.prog}: {message.removeprefix('argument ')}; see {self.prog} --help", file=sys.stderr)
        self.exit(ConfigError.exit_code)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="heedful", description="Watches and listens to streams, remembers, and answers with evidence."
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="tell of every change of state on stderr")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    demo = verbs.add_parser("demo", help="the main job on a recording of its own")
    demo.add_argument("--json", action="store_true", help="answers as JSON Lines on stdout")
    demo.set_defaults(verb=_demo)

    live = verbs.add_parser("run", help="a live session: your camera and microphone, or streams over MQTT")
    live.add_argument("config", metavar="CONFIG", help="a YAML file, or a shipped name such as live or robot")
    live.add_argument("--json", action="store_true", help="answers as JSON Lines on stdout")
    live.set_defaults(verb=_run)

    replay = verbs.add_parser("replay", help="recorded streams through the live path")
    replay.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="recordings; several start together")
    replay.add_argument("--config", help="a YAML file or a shipped name")
    replay.add_argument("--ask", metavar="TEXT", action="append", default=[], help="ask at the end")
    replay.add_argument(
        "--ask-at", metavar=("SECONDS", "TEXT"), nargs=2, action="append", default=[], help="ask at a moment"
    )
    replay.add_argument("--speed", default="max", help="times real time, or max (default)")
    replay.add_argument("--memory", metavar="DIR", type=Path, help="keep the memory in this folder")
    replay.add_argument("--explain", action="store_true", help="show ids, spaces and the latency of each stage too")
    replay.add_argument("--digest", action="store_true", help="print a hash of everything that was said on the bus")
    replay.add_argument("--json", action="store_true", help="JSON Lines on stdout and nothing else")
    replay.set_defaults(verb=_replay)

    ask = verbs.add_parser("ask", help="one question to a running session")
    ask.add_argument("text", metavar="TEXT")
    ask.add_argument("--broker", metavar="URL", help="mqtt://host:port of a session elsewhere")
    ask.add_argument("--session", metavar="ID", help="which session, where several run")
    ask.add_argument("--at", metavar="TIME", help="as of this moment: HH:MM[:SS], ISO date and time, or -SECONDS")
    ask.add_argument("--explain", action="store_true", help="show ids, spaces and unsupported sentences too")
    ask.add_argument("--json", action="store_true", help="the answer as JSON on stdout")
    ask.set_defaults(verb=_ask)

    memory = verbs.add_parser("memory", help="look into a memory folder")
    memory.add_argument("action", choices=("stats", "search", "verify"))
    memory.add_argument("folder", metavar="DIR", type=Path)
    memory.add_argument("text", metavar="TEXT", nargs="?", default="", help="what to search for")
    memory.add_argument("-k", type=int, default=8, help="how many results")
    memory.add_argument("--json", action="store_true", help="JSON Lines on stdout")
    memory.set_defaults(verb=_memory)

    evaluate = verbs.add_parser("eval", help="measure against known truth")
    evaluate.add_argument("suite", choices=("spine",))
    evaluate.add_argument("--config", help="a YAML file or a shipped name")
    evaluate.add_argument("--data", metavar="DIR", type=Path, help="sample data (default: HEEDFUL_DATA)")
    evaluate.add_argument("--truth", metavar="DIR", type=Path, default=Path("tests/truth"), help="labels and questions")
    evaluate.add_argument("--out", metavar="DIR", type=Path, help="leave the details here")
    evaluate.add_argument("--json", action="store_true", help="JSON Lines on stdout")
    evaluate.set_defaults(verb=_eval)

    bench = verbs.add_parser("bench", help="measure speed against a baseline in the same run")
    bench.add_argument(
        "name", metavar="NAME", help="replay, speech, digest, bus, freshness, outbox, idle, first-answer or all"
    )
    bench.add_argument("--data", metavar="DIR", type=Path, help="sample data (default: HEEDFUL_DATA)")
    bench.add_argument("--compare", metavar="FILE", type=Path, help="an earlier result to set beside this one")
    lengths = bench.add_mutually_exclusive_group()
    lengths.add_argument("--quick", dest="length", action="store_const", const="quick", help="to see that it works")
    lengths.add_argument("--full", dest="length", action="store_const", const="full", help="as often as the goals say")
    bench.add_argument("--json", action="store_true", help="JSON Lines on stdout")
    bench.set_defaults(verb=_bench, length="normal")

    doctor = verbs.add_parser("doctor", help="what is here, what is missing, and what to do about it")
    doctor.add_argument("--json", action="store_true", help="JSON Lines on stdout")
    doctor.set_defaults(verb=_doctor)
    return parser


def _replay(arguments: argparse.Namespace) -> int:
    from runtime.apps.replay import Question, replay
    from runtime.digest import RunDigest

    questions = [Question(text=_question("--ask-at", text), at_s=_seconds(at)) for at, text in arguments.ask_at]
    questions += [Question(text=_question("--ask", text)) for text in arguments.ask]
    speed = _speed(arguments.speed)
    settings = _load(arguments.config)
    digest = RunDigest() if arguments.digest else None
    result = _in_loop(
        replay(
            arguments.paths,
            settings,
            questions,
            speed=speed,
            memory=arguments.memory,
            on_answer=_printer(arguments),
            listen=digest.add if digest is not None else None,
        )
    )
    streams = ", ".join(result.streams)
    if arguments.json:
        summary: dict[str, object] = {"type": "replay", "session": result.session, "streams": list(result.streams)}
        summary |= {"length_s": round(result.length_s, 3), "playing_s": round(result.playing_s, 3)}
        summary["latency_ms"] = result.latency_ms
        print(json.dumps(summary | ({"digest": digest.total()} if digest is not None else {})))
        return 0
    rate = result.length_s / result.playing_s if result.playing_s > 0 else 0.0
    print(f"{result.length_s:.1f} s of {streams} in {result.playing_s:.1f} s, {rate:.1f} times real time")
    if arguments.explain:
        for stage, (p50_ms, p95_ms) in result.latency_ms.items():
            print(f"{p50_ms:9.2f} ms p50 {p95_ms:9.2f} ms p95  {stage}")
    if digest is not None:
        for topic, value in digest.topics().items():
            print(f"{value[:16]}  {topic}")
        print(f"{digest.total()[:16]}  all")
    return 0


def _run(arguments: argparse.Namespace) -> int:
    import asyncio

    from runtime.apps.live import run_live

    settings = _load(arguments.config)
    was_interrupted = False

    async def until_signalled() -> None:
        stop, is_up = asyncio.Event(), asyncio.Event()
        loop, session = asyncio.get_running_loop(), asyncio.current_task()
        assert session is not None

        def end(*, interrupted: bool) -> None:
            nonlocal was_interrupted
            was_interrupted = interrupted
            stop.set()
            if not is_up.is_set():
                session.cancel()
            loop.remove_signal_handler(signal.SIGINT)  # a second Ctrl-C does not wait for anything

        loop.add_signal_handler(signal.SIGINT, partial(end, interrupted=True))
        loop.add_signal_handler(signal.SIGTERM, partial(end, interrupted=False))
        show = partial(print, file=sys.stderr, flush=True)
        await run_live(settings, stop, is_up, show, _printer(arguments))

    with suppress(asyncio.CancelledError):
        asyncio.run(until_signalled())
    return INTERRUPTED if was_interrupted else 0


def _ask(arguments: argparse.Namespace) -> int:
    from runtime.apps import rendezvous
    from runtime.apps.live import ask_running
    from runtime.apps.wiring import broker_address
    from runtime.mqtt_bus import MqttBus

    text = _question("TEXT", arguments.text)
    asked_ns = _moment_ns(arguments.at) if arguments.at else None
    if arguments.broker:
        session = _setting("session", arguments.session or "live")
        address = broker_address(_setting("broker", arguments.broker))
    else:
        known = rendezvous.find(arguments.session)
        address, session = known.address, known.session
    answer = _in_loop(ask_running(MqttBus(address, "user", session), session, text, asked_ns, ASK_S))
    _printer(arguments)(answer)
    return 0


def _memory(arguments: argparse.Namespace) -> int:
    from runtime.apps import memory_verbs

    match arguments.action:
        case "stats":
            return memory_verbs.stats(arguments.folder, as_json=arguments.json)
        case "search":
            if not arguments.text:
                raise ConfigError("TEXT", "what to search for is missing")
            return memory_verbs.search(arguments.folder, arguments.text, arguments.k, as_json=arguments.json)
        case _:
            return memory_verbs.verify(arguments.folder, as_json=arguments.json)


def _demo(arguments: argparse.Namespace) -> int:
    from runtime.apps.demo import run_demo

    return _in_loop(run_demo(as_json=arguments.json))


def _eval(arguments: argparse.Namespace) -> int:
    from runtime.apps.evaluate import run_spine

    settings = _load(arguments.config)
    return _in_loop(run_spine(settings, _data(arguments), arguments.truth, arguments.out, as_json=arguments.json))


def _bench(arguments: argparse.Namespace) -> int:
    from runtime.apps.bench import NEED_DATA, run_bench

    signal.signal(signal.SIGINT, signal.default_int_handler)  # it has brokers and processes of its own to end
    data = _data(arguments) if arguments.name == "all" or arguments.name in NEED_DATA else None
    return run_bench(arguments.name, data, arguments.compare, as_json=arguments.json, length=arguments.length)


def _doctor(arguments: argparse.Namespace) -> int:
    from runtime.apps.doctor import run_doctor

    return run_doctor(as_json=arguments.json)


def _in_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end; Ctrl-C and SIGTERM cancel, and cancelling ends everything within the stop budget."""
    import asyncio

    was_interrupted = False

    async def cancellable() -> T:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None

        def interrupt() -> None:
            nonlocal was_interrupted
            was_interrupted = True
            task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, interrupt)
        return await work

    try:
        return asyncio.run(cancellable())
    except (asyncio.CancelledError, ExceptionGroup):
        if was_interrupted:  # what broke because it was cancelled is not worth a word
            raise KeyboardInterrupt from None
        raise


def _printer(arguments: argparse.Namespace) -> Callable[[Answer], None]:
    from runtime.apps.present import as_json, as_text

    if arguments.json:
        return lambda answer: print(as_json(answer), flush=True)
    explain = getattr(arguments, "explain", False)
    return lambda answer: print(as_text(answer, explain=explain) + "\n", flush=True)


def _load(source: str | None) -> Config:
    from runtime.config import load

    return load(source)


def _setting(name: str, value: str) -> str:
    """Return an argument that is a setting too, checked as one."""
    from pydantic import ValidationError

    from runtime.config import Config

    try:
        Config.model_validate({name: value})
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(f"--{name}", f"{value!r}: {reason}") from error
    if value in ("auto", "local") and name == "broker":
        raise ConfigError("--broker", f"{value!r} names no broker; leave it out, or write mqtt://host:port")
    return value


def _question(name: str, text: str) -> str:
    """Return a question that can be asked; bytes that are no UTF-8 are shown as such."""
    if not text.strip():
        raise ConfigError(name, "the question is empty")
    if len(text) > LONGEST_QUESTION:
        raise ConfigError(name, f"{len(text)} characters are no question; at most {LONGEST_QUESTION} are read")
    return text.encode(errors="surrogateescape").decode(errors="replace")


def _data(arguments: argparse.Namespace) -> Path:
    folder = arguments.data or os.environ.get("HEEDFUL_DATA")
    if folder is None:
        raise ConfigError("--data", "name the folder of sample data, or set HEEDFUL_DATA")
    if not Path(folder).is_dir():
        raise ConfigError("--data", f"{folder} is no folder")
    return Path(folder)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 1e9:
        raise ConfigError("--ask-at", f"{text!r} is no time in seconds")
    return seconds


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0.01 <= speed <= 1000:
        raise ConfigError("--speed", f"{text!r} is neither a number from 0.01 to 1000 nor max")
    return speed


def _moment_ns(text: str) -> int:
    import datetime

    now = datetime.datetime.now().astimezone()
    try:
        if text.startswith("-"):
            moment = now - datetime.timedelta(seconds=float(text[1:].removesuffix("s")))
        elif "-" in text or "T" in text:
            moment = datetime.datetime.fromisoformat(text).astimezone()
        else:
            moment = datetime.datetime.combine(now.date(), datetime.time.fromisoformat(text)).astimezone()
        t_ns = round(moment.timestamp() * 1e9)
    except (ValueError, OverflowError) as error:
        raise ConfigError("--at", f"{text!r} is neither HH:MM[:SS], an ISO date and time, nor -SECONDS") from error
    if not 0 <= t_ns < 2**63:
        raise ConfigError("--at", f"{text!r} is before 1970 or after 2262")
    return t_ns


if __name__ == "__main__":
    main()
