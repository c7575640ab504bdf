"""`heedful`: every verb, its arguments and its exit code.

Exit codes: 0 done; 1 unexpected failure; 2 bad usage, configuration or input; 3 something needed is not there (broker,
model, device); 4 `diff`: the runs differ; 130 interrupted. What goes wrong on purpose is one line on stderr.
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

# Several processes and models share the cores: waiting threads must sleep, not spin. Before NumPy, torch, FAISS load.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy's: its matrices here are small, and two threads spin
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # onnxruntime would send its use to its makers

from runtime.apps.arguments import (
    data_folder,
    make_parser,
    moment_ns,
    neighbours,
    positive,
    question,
    results,
    setting,
    start,
)
from runtime.errors import ConfigError, HeedfulError, InputError, MissingPart

if TYPE_CHECKING:  # each verb imports what it needs: the first moments are short and Ctrl-C in them is quiet
    from runtime.config import Config
    from runtime.digest import RunDigest
    from runtime.messages import Alert, Answer, Message
    from runtime.recording.recorder import Recorder

logger = logging.getLogger(__name__)

T = TypeVar("T")

INTERRUPTED = 130
LINGER_S = 1.0  # how long threads of models may take after everything else has ended
ASK_S = 90.0  # how long `ask` waits for its answer: a language model takes up to 60 s, and others may be before


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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Python's own end would let it kill what has done its work
    sys.exit(code)


def run(argv: list[str] | None = None) -> int:
    """Run one verb and return its exit code."""
    try:
        arguments = make_parser(VERBS).parse_args(argv)
    except SystemExit as ended:  # after --help, or a line about what is wrong
        return int(ended.code or 0)
    level = logging.INFO if arguments.verbose else logging.WARNING
    logging.basicConfig(level=level, stream=sys.stderr, format="heedful: %(message)s")
    logging.getLogger("faiss").setLevel(logging.WARNING)
    try:
        code: int = arguments.verb(arguments)
        return code
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
    if isinstance(error, PermissionError) and error.filename:
        return InputError(Path(error.filename), "may not be opened: permission denied")
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


def _replay(arguments: argparse.Namespace) -> int:
    from runtime.apps.played import play
    from runtime.digest import RunDigest

    settings = _load(arguments.config)
    digest = RunDigest() if arguments.digest else None
    listen = _listener(arguments, settings, digest)
    result = _in_loop(play(arguments, settings, on_answer=_printer(arguments), listen=listen))
    streams = ", ".join(result.streams)
    if arguments.json:
        summary: dict[str, object] = {"type": "replay", "session": result.session, "streams": list(result.streams)}
        summary |= {"length_s": round(result.length_s, 3), "playing_s": round(result.playing_s, 3)}
        summary["latency_ms"] = result.latency_ms
        summary["undecoded"] = [
            {"path": str(path), "topic": one.topic, "type": one.schema, "count": one.count}
            for path, one in result.undecoded
        ]
        summary["faults"] = list(result.faults)
        print(json.dumps(summary | ({"digest": digest.total()} if digest is not None else {})))
        return 0
    played_s = max(0.0, result.length_s - start(arguments.start))
    rate = played_s / result.playing_s if result.playing_s > 0 else 0.0
    print(f"{played_s:.1f} s of {streams} in {result.playing_s:.1f} s, {rate:.1f} times real time")
    if arguments.explain:
        for stage, (p50_ms, p95_ms) in result.latency_ms.items():
            print(f"{p50_ms:9.2f} ms p50 {p95_ms:9.2f} ms p95  {stage}")
    if digest is not None:
        for topic, value in digest.topics().items():
            print(f"{value[:16]}  {topic}")
        print(f"{digest.total()[:16]}  all")
    return 0


def _run(arguments: argparse.Namespace) -> int:
    return _live(arguments, _load(arguments.config))


def _record(arguments: argparse.Namespace) -> int:
    from runtime.apps.record import recording

    part_mb = positive("--part-mb", arguments.part_mb)
    part_minutes = positive("--part-minutes", arguments.part_minutes)
    settings = _load(arguments.config)
    show = partial(print, file=sys.stderr, flush=True)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # from here on there is a file to be closed
    recorded = recording(
        settings,
        arguments.out,
        show,
        keeps_bus=arguments.bus,
        part_bytes=None if part_mb is None else round(part_mb * 1e6),
        part_s=None if part_minutes is None else part_minutes * 60,
    )
    with recorded as recorder:
        show(f"recording into {arguments.out}")
        code = _live(arguments, settings, recorder)
    # Ctrl-C is how a recording ends: once it is whole, whoever waits for it may go on
    return 0 if code == INTERRUPTED and recorder.has_begun else code


def _live(arguments: argparse.Namespace, settings: Config, recorder: Recorder | None = None) -> int:
    import asyncio

    from runtime.apps.live import run_live

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
        await run_live(settings, stop, is_up, show, _printer(arguments), _alert_printer(arguments), recorder)

    with suppress(asyncio.CancelledError):
        asyncio.run(until_signalled())
    return INTERRUPTED if was_interrupted else 0


def _diff(arguments: argparse.Namespace) -> int:
    from runtime.apps.diff_verb import run_diff

    return run_diff(arguments.before, arguments.after, arguments.html, as_json=arguments.json)


def _ask(arguments: argparse.Namespace) -> int:
    from runtime.apps import rendezvous
    from runtime.apps.live import ask_running
    from runtime.apps.wiring import broker_address
    from runtime.mqtt_bus import MqttBus

    text = question("TEXT", arguments.text)
    asked_ns = moment_ns(arguments.at) if arguments.at else None  # now, by the session's clock: ours may be wrong
    known = None
    if arguments.broker:
        session = setting("session", arguments.session or "live")
        address = broker_address(setting("broker", arguments.broker))
    else:
        known = rendezvous.find(arguments.session)
        address, session = known.address, known.session
        asked_ns = asked_ns or time.time_ns()  # the same clock; a question with a time is known when it comes again
    bus = MqttBus(address, "user", session)
    is_running = partial(rendezvous.is_running, known) if known is not None else _for_all_we_know
    answer = _in_loop(ask_running(bus, session, text, asked_ns, ASK_S, is_running, explains=arguments.explain))
    _printer(arguments)(answer)
    return 0


def _for_all_we_know() -> bool:
    return True  # it is another machine's


def _memory(arguments: argparse.Namespace) -> int:
    from runtime.apps import memory_verbs

    folder, as_json = arguments.folder, arguments.json
    match arguments.action:
        case "stats":
            return memory_verbs.stats(folder, as_json=as_json)
        case "search":
            return memory_verbs.search(folder, *_wanted(arguments), as_json=as_json)
        case "erase":
            selector = memory_verbs.selector_of(folder, arguments)
            return memory_verbs.erase(folder, selector, _in_loop, is_sure=arguments.yes, as_json=as_json)
        case "export":
            return memory_verbs.export(folder, arguments.to, arguments.session, as_json=as_json)
        case "import":
            return memory_verbs.take_in(folder, arguments.source, as_json=as_json)
        case "compact":
            return memory_verbs.compact(folder, as_json=as_json)
        case _:
            return memory_verbs.verify(folder, as_json=as_json)


def _wanted(arguments: argparse.Namespace) -> tuple[str, str, int, int]:
    """Return what a search looks for, what it is like, how many results, and how many neighbours of each."""
    if not arguments.text and not arguments.like:
        raise ConfigError("TEXT", "what to search for is missing; give words, or --like ID")
    return arguments.text, arguments.like or "", results(arguments.k), neighbours(arguments.neighbours)


def _demo(arguments: argparse.Namespace) -> int:
    from runtime.apps.demo import run_demo

    return _in_loop(run_demo(as_json=arguments.json))


def _eval(arguments: argparse.Namespace) -> int:
    settings = _load(arguments.config)
    if arguments.suite == "yard":
        from runtime.apps.data_verbs import seconds, whole
        from runtime.apps.eval_yard import MOST_WORLDS, run_yard

        count = whole("--worlds", arguments.worlds, 1, MOST_WORLDS)
        length_s = seconds("--length", arguments.length)
        return _in_loop(
            run_yard(
                settings,
                arguments.out,
                count=count,
                length_s=length_s,
                as_json=arguments.json,
                data=arguments.data,
            )
        )
    if arguments.suite == "yard-tracking":
        from runtime.apps.data_verbs import seconds, whole
        from runtime.apps.eval_tracking import run_tracking
        from runtime.apps.eval_yard import MOST_WORLDS

        count = whole("--worlds", arguments.worlds, 1, MOST_WORLDS)
        return run_tracking(count, seconds("--length", arguments.length), as_json=arguments.json)
    if arguments.suite == "radhar":
        from runtime.apps.eval_radhar import run_radhar

        return run_radhar(data_folder(arguments), arguments.out, arguments.weights, as_json=arguments.json)
    if arguments.suite == "esc10":
        from runtime.apps.eval_esc10 import run_esc10

        return run_esc10(data_folder(arguments), arguments.out, arguments.weights, as_json=arguments.json)
    from runtime.apps.evaluate import run_spine

    return _in_loop(run_spine(settings, data_folder(arguments), arguments.truth, arguments.out, as_json=arguments.json))


def _data(arguments: argparse.Namespace) -> int:
    if arguments.what == "esc10":
        from runtime.apps.data_esc10 import data_esc10

        return data_esc10(arguments)
    from runtime.apps.data_verbs import data_radhar, data_yard

    return data_radhar(arguments) if arguments.what == "radhar" else data_yard(arguments)


def _train(arguments: argparse.Namespace) -> int:
    if arguments.what == "esc10":
        from runtime.apps.train_esc10 import run_train as run_train_esc10

        return run_train_esc10(arguments, data_folder(arguments))
    from runtime.apps.train_radhar import run_train

    return run_train(arguments, data_folder(arguments))


def _bench(arguments: argparse.Namespace) -> int:
    from runtime.apps.bench import NEED_DATA, run_bench

    signal.signal(signal.SIGINT, signal.default_int_handler)  # it has brokers and processes of its own to end
    needs_data = (arguments.name == "all" or arguments.name in NEED_DATA) and arguments.recording is None
    return run_bench(
        arguments.name,
        data_folder(arguments) if needs_data else None,
        arguments.compare,
        as_json=arguments.json,
        length=arguments.length,
        recording=arguments.recording,
        html=arguments.html,
    )


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


def _listener(
    arguments: argparse.Namespace, settings: Config, digest: RunDigest | None
) -> Callable[[Message], None] | None:
    """Return what hears a replay's messages: the digest, and whoever wants to read alerts; None where nobody does."""
    show = _alert_printer(arguments) if settings.reasoning.rules else None
    if show is None:
        return digest.add if digest is not None else None

    def listen(message: Message) -> None:
        if digest is not None:
            digest.add(message)
        if message.kind == "alert":
            show(message)

    return listen


def _alert_printer(arguments: argparse.Namespace) -> Callable[[Alert], None]:
    from runtime.apps.present import alert_json, alert_text

    told = alert_json if arguments.json else alert_text
    return lambda alert: print(told(alert), flush=True)


def _load(source: str | None) -> Config:
    from runtime.config import load

    return load(source)


VERBS = {
    "demo": _demo,
    "run": _run,
    "record": _record,
    "replay": _replay,
    "diff": _diff,
    "ask": _ask,
    "memory": _memory,
    "eval": _eval,
    "data": _data,
    "train": _train,
    "bench": _bench,
    "doctor": _doctor,
}

if __name__ == "__main__":
    main()
