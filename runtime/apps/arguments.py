"""The command line's words: verbs with their options, and values checked before anything starts."""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Never, TypeAlias

from runtime.errors import ConfigError

RESULTS_MAX = 1_000
SWAPS = ("perception", "memory", "reasoning")
NEIGHBOURS_MAX = 16  # as memory gives


class _Parser(argparse.ArgumentParser):
    """argparse, but what is wrong with a command is one line."""

    def error(self, message: str) -> Never:
        print(f"{self.prog}: {message.removeprefix('argument ')}; see {self.prog} --help", file=sys.stderr)
        self.exit(ConfigError.exit_code)


Verbs: TypeAlias = "argparse._SubParsersAction[_Parser]"


def make_parser(verbs: Mapping[str, Callable[[argparse.Namespace], int]]) -> argparse.ArgumentParser:
    """Return the parser; `arguments.verb` is the function to run."""
    parser = _Parser(
        prog="heedful", description="Watches and listens to streams, remembers, and answers with evidence."
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="tell of every change of state on stderr")
    group = parser.add_subparsers(required=True, metavar="VERB")
    for name, add in ADD.items():
        add(group).set_defaults(verb=verbs[name])
    return parser


def setting(name: str, value: str) -> str:
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


def question(name: str, text: str) -> str:
    """Return a question that can be asked; bytes that are no UTF-8 are shown as such."""
    from runtime.messages import QUESTION_LENGTH

    if not text.strip():
        raise ConfigError(name, "the question is empty")
    if len(text) > QUESTION_LENGTH:
        raise ConfigError(name, f"{len(text)} characters are no question; at most {QUESTION_LENGTH} are read")
    return text.encode(errors="surrogateescape").decode(errors="replace")


def data_folder(arguments: argparse.Namespace) -> Path:
    """Return the folder of sample data, from --data or HEEDFUL_DATA."""
    folder = arguments.data or os.environ.get("HEEDFUL_DATA")
    if folder is None:
        raise ConfigError("--data", "name the folder of sample data, or set HEEDFUL_DATA")
    if not Path(folder).is_dir():
        raise ConfigError("--data", f"{folder} is no folder")
    return Path(folder)


def seconds(text: str) -> float:
    """Return the event time at which a question is asked."""
    try:
        at_s = float(text)
    except ValueError:
        at_s = -1.0
    if not 0 <= at_s < 1e9:
        raise ConfigError("--ask-at", f"{text!r} is no time in seconds")
    return at_s


def start(text: str) -> float:
    """Return the event time at which a replay begins."""
    try:
        start_s = float(text)
    except ValueError:
        start_s = -1.0
    if not 0 <= start_s < 1e9:
        raise ConfigError("--start", f"{text!r} is no time in seconds")
    return start_s


def results(text: str) -> int:
    """Return how many results are wanted."""
    if not text.isdecimal() or len(text) > len(str(RESULTS_MAX)) or not 1 <= int(text) <= RESULTS_MAX:
        raise ConfigError("-k", f"{text!r} is no whole number from 1 to {RESULTS_MAX}")
    return int(text)


def neighbours(text: str) -> int:
    """Return how many records on either side of a result are wanted."""
    if not text.isdecimal() or len(text) > len(str(NEIGHBOURS_MAX)) or int(text) > NEIGHBOURS_MAX:
        raise ConfigError("--neighbours", f"{text!r} is no whole number from 0 to {NEIGHBOURS_MAX}")
    return int(text)


def speed(text: str) -> float | None:
    """Return times real time; None means as fast as it goes."""
    if text == "max":
        return None
    try:
        times = float(text)
    except ValueError:
        times = 0.0
    if not 0.01 <= times <= 1000:
        raise ConfigError("--speed", f"{text!r} is neither a number from 0.01 to 1000 nor max")
    return times


def positive(option: str, text: str | None) -> float | None:
    """Return the number that an option gives; None where it was left out."""
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.01 <= number <= 1e6:
        raise ConfigError(option, f"{text!r} is no number from 0.01 to 1000000")
    return number


def moment_ns(text: str, option: str = "--at") -> int:
    """Return the wall-clock moment that an option names."""
    now = datetime.datetime.now().astimezone()
    try:
        if text.startswith("-"):
            moment = now - datetime.timedelta(seconds=float(text[1:].removesuffix("s")))
        elif "-" in text or "T" in text:
            moment = datetime.datetime.fromisoformat(text).astimezone()
        else:
            time = datetime.time.fromisoformat(text)
            moment = datetime.datetime.combine(now.date(), time).astimezone()
            if moment > now:  # just after midnight 23:55 was yesterday
                moment = datetime.datetime.combine(now.date() - datetime.timedelta(days=1), time).astimezone()
        t_ns = round(moment.timestamp() * 1e9)
    except (ValueError, OverflowError) as error:
        raise ConfigError(option, f"{text!r} is neither HH:MM[:SS], an ISO date and time, nor -SECONDS") from error
    if not 0 <= t_ns < 2**63:
        raise ConfigError(option, f"{text!r} is before 1970 or after 2262")
    if moment > now:
        raise ConfigError(option, f"{text!r} is still to come")
    return t_ns


def _add_demo(verbs: Verbs) -> argparse.ArgumentParser:
    verb = verbs.add_parser("demo", help="the main job on a recording of its own")
    verb.add_argument("--json", action="store_true", help="answers as JSON Lines on stdout")
    return verb


def _add_run(verbs: Verbs) -> argparse.ArgumentParser:
    verb = verbs.add_parser("run", help="a live session: your camera and microphone, or streams over MQTT")
    verb.add_argument("config", metavar="CONFIG", help="a YAML file, or a shipped name such as live or robot")
    verb.add_argument("--json", action="store_true", help="answers as JSON Lines on stdout")
    return verb


def _add_record(verbs: Verbs) -> argparse.ArgumentParser:
    verb = verbs.add_parser("record", help="a live session that also writes down what came in")
    verb.add_argument("config", metavar="CONFIG", help="a YAML file, or a shipped name such as live or robot")
    verb.add_argument("--out", metavar="FILE.mcap", type=Path, required=True, help="a new file")
    verb.add_argument("--bus", action="store_true", help="with what the services said, so that runs can be compared")
    verb.add_argument("--part-mb", metavar="N", help="begin a new file, FILE.0002.mcap, after N megabytes")
    verb.add_argument("--part-minutes", metavar="N", help="begin a new file after N minutes")
    verb.add_argument("--json", action="store_true", help="answers as JSON Lines on stdout")
    return verb


def _add_replay(verbs: Verbs) -> argparse.ArgumentParser:
    verb = verbs.add_parser("replay", help="recorded streams through the live path")
    verb.add_argument(
        "paths",
        metavar="PATH",
        nargs="+",
        type=Path,
        help="media files, MCAP, ROS bags, or a folder with a manifest.yaml; several start together",
    )
    verb.add_argument("--config", help="a YAML file or a shipped name")
    verb.add_argument("--ask", metavar="TEXT", action="append", default=[], help="ask at the end")
    verb.add_argument(
        "--ask-at", metavar=("SECONDS", "TEXT"), nargs=2, action="append", default=[], help="ask at a moment"
    )
    verb.add_argument("--speed", default="max", help="times real time, or max (default)")
    verb.add_argument("--start", metavar="SECONDS", default="0", help="begin here; times stay those of the recording")
    verb.add_argument("--memory", metavar="DIR", type=Path, help="keep the memory in this folder")
    verb.add_argument("--out", metavar="FILE", type=Path, help="write everything that was said to an MCAP file")
    verb.add_argument(
        "--swap",
        metavar="SERVICE",
        choices=SWAPS,
        help=f"{', '.join(SWAPS)}: what a run said (--out) drives this one anew; perception hears recorded sensors",
    )
    verb.add_argument("--explain", action="store_true", help="show ids, spaces and the latency of each stage too")
    verb.add_argument("--digest", action="store_true", help="print a hash of everything that was said on the bus")
    verb.add_argument("--json", action="store_true", help="JSON Lines on stdout and nothing else")
    return verb


def _add_diff(verbs: Verbs) -> argparse.ArgumentParser:
    verb = verbs.add_parser("diff", help="what changed from one recorded run to another; exit code 4 where they differ")
    verb.add_argument("before", metavar="RUN_A", type=Path, help="a run, as `replay --out` and `record` write it")
    verb.add_argument("after", metavar="RUN_B", type=Path, help="another one of the same recording")
    verb.add_argument("--html", metavar="FILE", type=Path, help="write a page about it too")
    verb.add_argument("--json", action="store_true", help="JSON Lines on stdout")
    return verb


def _add_ask(verbs: Verbs) -> argparse.ArgumentParser:
    verb = verbs.add_parser("ask", help="one question to a running session")
    verb.add_argument("text", metavar="TEXT")
    verb.add_argument("--broker", metavar="URL", help="mqtt://host:port of a session elsewhere")
    verb.add_argument("--session", metavar="ID", help="which session, where several run")
    verb.add_argument("--at", metavar="TIME", help="as of this moment: HH:MM[:SS], ISO date and time, or -SECONDS")
    verb.add_argument("--explain", action="store_true", help="show ids, spaces and unsupported sentences too")
    verb.add_argument("--json", action="store_true", help="the answer as JSON on stdout")
    return verb


_MEMORY_ACTIONS = {
    "stats": "what it holds",
    "search": "what it finds for some words",
    "verify": "whether it is intact",
    "erase": "erase for good: what all the options name; then look for traces in every file",
    "export": "write all of it into a folder that other programs can read",
    "import": "take in what was exported; what is there already stays as it is",
    "compact": "write its files anew, without what was deleted and decayed",
}


def _add_memory(verbs: Verbs) -> argparse.ArgumentParser:
    verb = verbs.add_parser("memory", help="look into a memory folder, and take care of it")
    actions = verb.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, text in _MEMORY_ACTIONS.items():
        action = actions.add_parser(name, help=text, description=f"{text[:1].upper()}{text[1:]}.")
        action.add_argument("folder", metavar="DIR", type=Path)
        action.add_argument("--json", action="store_true", help="JSON Lines on stdout")
        match name:
            case "search":
                action.add_argument("text", metavar="TEXT", nargs="?", default="", help="what to search for")
                action.add_argument("-k", default="8", help="how many results (default 8)")
                action.add_argument(
                    "--neighbours", default="0", metavar="N", help="and N records before and after each"
                )
                action.add_argument("--like", metavar="ID", help="what is like this record or clip, in its session")
            case "erase":
                _add_selector(action)
            case "export":
                action.add_argument("to", metavar="TO", type=Path, help="a new folder")
                action.add_argument("--session", metavar="ID", help="of one session (default: all)")
            case "import":
                action.add_argument("source", metavar="FROM", type=Path, help="an exported folder")
    return verb


def _add_selector(verb: argparse.ArgumentParser) -> None:
    time = "HH:MM[:SS], ISO date and time, -SECONDS, or with --session seconds since it began"
    verb.add_argument("--session", metavar="ID", help="of this session")
    verb.add_argument("--stream", metavar="NAME", help="of this stream")
    verb.add_argument("--from", dest="start", metavar="TIME", help=f"not over before this: {time}")
    verb.add_argument("--to", dest="end", metavar="TIME", help=f"begun by then: {time}")
    verb.add_argument("--clip", metavar="ID", help="a clip, or one record")
    verb.add_argument("--text", metavar="WORDS", help="with these words together, in any inflection")
    verb.add_argument("--yes", action="store_true", help="do it; without this it only says what would go")


def _add_eval(verbs: Verbs) -> argparse.ArgumentParser:
    verb = verbs.add_parser("eval", help="measure against known truth")
    verb.add_argument(
        "suite",
        choices=("spine", "yard", "yard-tracking", "radhar", "esc10"),
        help="spine: sample data; yard: a world with known truth; radhar: activities before a radar, CLASS/NAME.npz; "
        "esc10: sounds by their names, CLASS/FOLD-ID-TAKE.ogg; yard-tracking: what a radar follows in the yard",
    )
    verb.add_argument("--weights", metavar="FILE", type=Path, help="radhar, esc10: another model than the shipped one")
    verb.add_argument("--config", help="a YAML file or a shipped name")
    verb.add_argument(
        "--data",
        metavar="DIR",
        type=Path,
        help="sample data (default: HEEDFUL_DATA); yard: worlds that `data yard` wrote, all of them",
    )
    verb.add_argument("--truth", metavar="DIR", type=Path, default=Path("tests/truth"), help="labels and questions")
    verb.add_argument(
        "--worlds", metavar="N", default="5", help="yard, yard-tracking: how many worlds of the test split (default 5)"
    )
    verb.add_argument(
        "--length", metavar="S", default="24", help="yard, yard-tracking: how long each is, in seconds (default 24)"
    )
    verb.add_argument("--out", metavar="DIR", type=Path, help="leave the details here; the yard's worlds too")
    verb.add_argument("--json", action="store_true", help="JSON Lines on stdout")
    return verb


def _add_data(verbs: Verbs) -> argparse.ArgumentParser:
    verb = verbs.add_parser("data", help="make recordings to learn from and to measure on")
    makes = verb.add_subparsers(dest="what", required=True, metavar="WHAT")
    text = "worlds with known truth, as recordings with questions beside each"
    yard = makes.add_parser("yard", help=text, description=f"{text[:1].upper()}{text[1:]}.")
    yard.add_argument("folder", metavar="DIR", type=Path, help="where to; what is there already is not written again")
    yard.add_argument("--split", choices=("train", "validation", "test"), default="train", help="(default train)")
    yard.add_argument("--first", metavar="N", default="0", help="the first world's number (default 0)")
    yard.add_argument("--count", metavar="N", default="1", help="how many (default 1)")
    yard.add_argument("--length", metavar="S", default="16", help="how long each is, in seconds (default 16)")
    yard.add_argument("--light", choices=("day", "dusk", "night", "fog"), help="(default: drawn, and it may change)")
    yard.add_argument("--json", action="store_true", help="JSON Lines on stdout")
    text = "the text dumps of RadHAR, as recordings that can be learnt from and measured on"
    radhar = makes.add_parser("radhar", help=text, description=f"{text[:1].upper()}{text[1:]}.")
    radhar.add_argument("source", metavar="SRC", type=Path, help="a folder of CLASS/NAME.txt")
    radhar.add_argument("folder", metavar="DST", type=Path, help="where to, as CLASS/NAME.npz")
    text = "the clips of ESC-10 out of the published ESC-50, to learn from and to measure on"
    esc10 = makes.add_parser("esc10", help=text, description=f"{text[:1].upper()}{text[1:]}.")
    esc10.add_argument("source", metavar="SRC", type=Path, help="the repository: audio/*.wav and meta/esc50.csv")
    esc10.add_argument("folder", metavar="DST", type=Path, help="where to, as CLASS/FOLD-ID-TAKE.ogg")
    esc10.add_argument("--json", action="store_true", help="JSON Lines on stdout")
    return verb


def _add_train(verbs: Verbs) -> argparse.ArgumentParser:
    verb = verbs.add_parser("train", help="train one of our own models; goes on where it was stopped")
    models = verb.add_subparsers(dest="what", required=True, metavar="WHAT")
    text = "activities before a radar, from recordings CLASS/NAME.npz"
    radhar = models.add_parser("radhar", help=text, description=f"{text[:1].upper()}{text[1:]}.")
    radhar.add_argument("--data", metavar="DIR", type=Path, help="recordings, or sample data (default: HEEDFUL_DATA)")
    radhar.add_argument("--out", metavar="DIR", type=Path, default=Path("trained"), help="(default ./trained)")
    radhar.add_argument("--steps", metavar="N", default="2000", help="(default 2000)")
    radhar.add_argument("--minutes", metavar="M", help="stop each training after so long; the next call goes on")
    radhar.add_argument("--seed", metavar="N", default="0", help="(default 0)")
    radhar.add_argument("--threads", metavar="N", default="1", help="(default 1)")
    radhar.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    radhar.add_argument(
        "--folds",
        choices=("words", "numbers"),
        help="measure on held-out recordings, beside the baseline: 20_x and x_20, or by their last number",
    )
    radhar.add_argument("--fold", metavar="N", help="with --folds: this one only")
    radhar.add_argument("--seeds", metavar="N", default="3", help="with --folds: how many (default 3)")
    radhar.add_argument("--model", choices=("heedful", "pointnet"), help="with --folds: this one only")
    text = "sounds by their names, from clips CLASS/FOLD-ID-TAKE.ogg"
    esc10 = models.add_parser("esc10", help=text, description=f"{text[:1].upper()}{text[1:]}.")
    esc10.add_argument("--data", metavar="DIR", type=Path, help="clips, or sample data (default: HEEDFUL_DATA)")
    esc10.add_argument("--out", metavar="DIR", type=Path, default=Path("trained"), help="(default ./trained)")
    esc10.add_argument("--steps", metavar="N", help="(default: as the shipped model was trained)")
    esc10.add_argument("--minutes", metavar="M", help="stop each training after so long; the next call goes on")
    esc10.add_argument("--seed", metavar="N", default="0", help="(default 0)")
    esc10.add_argument("--threads", metavar="N", default="1", help="(default 1)")
    esc10.add_argument("--folds", action="store_true", help="measure on each fold held out, beside the baseline")
    esc10.add_argument("--fold", metavar="N", help="with --folds: this one only")
    esc10.add_argument("--seeds", metavar="N", default="3", help="with --folds: how many (default 3)")
    esc10.add_argument("--model", choices=("heedful", "plain"), help="with --folds: this one only")
    return verb


def _add_bench(verbs: Verbs) -> argparse.ArgumentParser:
    verb = verbs.add_parser("bench", help="measure speed against a baseline in the same run")
    verb.add_argument(
        "name",
        metavar="NAME",
        help="replay, speech, digest, bus, freshness, outbox, idle, first-answer, stop, reasoner, memory, needles, "
        "session, record, recording, events, yard, perception or all",
    )
    verb.add_argument(
        "--recording", metavar="PATH", type=Path, help="what `session` plays (default: car-detection.mp4)"
    )
    verb.add_argument("--data", metavar="DIR", type=Path, help="sample data (default: HEEDFUL_DATA)")
    verb.add_argument("--compare", metavar="FILE", type=Path, help="an earlier result to set beside this one")
    verb.add_argument("--html", metavar="FILE", type=Path, help="write a page of it too, with plots")
    lengths = verb.add_mutually_exclusive_group()
    lengths.add_argument("--quick", dest="length", action="store_const", const="quick", help="to see that it works")
    lengths.add_argument("--full", dest="length", action="store_const", const="full", help="as often as the goals say")
    verb.add_argument("--json", action="store_true", help="JSON Lines on stdout")
    verb.set_defaults(length="normal")
    return verb


def _add_doctor(verbs: Verbs) -> argparse.ArgumentParser:
    verb = verbs.add_parser("doctor", help="what is here, what is missing, and what to do about it")
    verb.add_argument("--json", action="store_true", help="JSON Lines on stdout")
    return verb


ADD = {
    "demo": _add_demo,
    "run": _add_run,
    "record": _add_record,
    "replay": _add_replay,
    "diff": _add_diff,
    "ask": _add_ask,
    "memory": _add_memory,
    "eval": _add_eval,
    "data": _add_data,
    "train": _add_train,
    "bench": _add_bench,
    "doctor": _add_doctor,
}
