"""`heedful eval yard`: questions about a world whose truth is known, through the configured backend.

Beside it always: the same backend without a past, what is most frequent, who is blind, who never answers, and
who reads the truth, which must be right everywhere. The same worlds give the same numbers, but for the time it took.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from perception.yard.scene import scene_of
from perception.yard.settings import seed_of
from perception.yard.truth import Truth
from runtime.apps.bench_measure import progress
from runtime.apps.yard_baselines import BASELINES, Frequent, baseline_replies, frequent
from runtime.apps.yard_chair import Described
from runtime.apps.yard_folder import Given, check_folder, given_at
from runtime.apps.yard_lines import BACKEND, WINDOW, Line, Results, lines_of, result_of
from runtime.apps.yard_pairs import Pair, draw_pair
from runtime.apps.yard_recording import Mark, mark_in, truths_in
from runtime.apps.yard_replies import DESCRIPTION, Reply, Row, replies_to, rows_of, window_replies
from runtime.apps.yard_report import write_report
from runtime.apps.yard_text import as_text
from runtime.apps.yard_worlds import Asked, asked_of, rendered, rendered_world, settings_of
from runtime.config import Config
from runtime.errors import ConfigError
from runtime.new_file import make_folder

MOST_WORLDS = 10_000


async def run_yard(
    config: Config, out: Path | None, *, count: int, length_s: float, as_json: bool, data: Path | None = None
) -> int:
    """Measure and print everything; exit code 0 whatever the numbers are.

    `data` is a folder of worlds that are taken instead of the first `count` of the test split. Raises as `replay` does,
    and InputError where something of `data` cannot be measured on.
    """
    start_s = time.perf_counter()
    if out is not None:
        make_folder("--out", out)
    paths = check_folder(data) if data is not None else []
    if paths:
        count, length_s = len(paths), mark_in(paths[0]).settings.length_s
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="heedful-yard-")))
        suite = Suite(config, out / "worlds" if out else scratch, scratch, length_s)
        for number in range(count):
            progress(f"world {number + 1} of {count}")
            await suite.play(number, given_at(paths[number]) if paths else suite.rendered(number))
        lines = lines_of(suite.results)
        result = result_of(lines) | {"backend": config.reasoning.backend, "worlds": count, "length_s": length_s}
        result["unreadable"] = len(suite.unread)
        result["took_s"] = round(time.perf_counter() - start_s, 1)
        if out is not None:
            leave(out, lines, result, suite)
    if as_json:
        told = [{"type": "score", **line} for line in lines] + [
            {"type": "unreadable", "why": one} for one in suite.unread
        ]
        print("\n".join(map(json.dumps, told)))
    else:
        print("\n\n".join([as_text(lines), *(f"not asked: {one}" for one in suite.unread)]) + "\n")
    print(json.dumps(result))
    return 0


class Suite:
    """Worlds, and what everybody replied to the questions about them."""

    def __init__(self, config: Config, folder: Path, scratch: Path, length_s: float) -> None:
        """Render the test split's worlds into `folder`, where they stay.

        Raises ConfigError where `length_s` is out of range.
        """
        self._config, self._folder, self._scratch = config, folder, scratch
        self._settings = settings_of("test", length_s)
        self._learnt: Frequent = frequent(settings_of("train", length_s))
        self.paths: dict[int, Path] = {}
        self.unread: list[str] = []  # questions that are not asked, and why
        names = (BACKEND, WINDOW, *BASELINES)
        self._rows: dict[str, list[Row]] = {name: [] for name in names}
        self._turned: dict[str, dict[int, Row]] = {name: {} for name in names if name != WINDOW}
        self._descriptions: list[Described] = []

    @property
    def results(self) -> Results:
        """Return everything that was replied so far."""
        return Results(rows=self._rows, turned=self._turned, descriptions=self._descriptions)

    def rendered(self, number: int) -> Given:
        """Return a world of the test split."""
        path, seed = rendered(self._folder, self._settings, number), seed_of("test", number)
        seen = truths_in(path)
        asked = asked_of(seen, self._settings, seed)
        return Given(path=path, mark=Mark(seed=seed, settings=self._settings), seen=seen, asked=asked)

    async def play(self, number: int, given: Given) -> None:
        """Ask everything about one world."""
        path, seen = given.path, given.seen
        self.paths[number] = path
        self.unread += given.unread
        asked = list(given.asked)
        pair = draw_pair(seen, given.mark.settings, given.mark.seed) if given.is_remade else None
        if pair is not None:
            asked.append(Asked(id="pair", purpose="pair", question=pair.question))
        replies: dict[str, Mapping[str, Reply]] = {**baseline_replies(asked, seen, self._learnt)}
        told = await replies_to(path, self._config, asked, describes=True)
        self._descriptions.append(Described(text=told[DESCRIPTION].text, scene=scene_of(seen)))
        replies[BACKEND] = told
        grammar = [one for one in asked if one.purpose == "grammar"]
        replies[WINDOW] = await window_replies(path, self._config, grammar, self._scratch)
        for name, own in replies.items():
            self._rows[name] += rows_of(number, asked, own)
        if pair is not None:
            await self._turn(number, given, pair)

    async def _turn(self, number: int, given: Given, pair: Pair) -> None:
        """Ask the question of a pair in the changed world."""
        name = f"{given.path.stem}-{pair.how}-at-{pair.question.asked_s:g}s.mcap"
        path = rendered_world(self._folder / name, pair.changed)
        seen: Sequence[Truth] = truths_in(path)
        asked = [Asked(id="pair", purpose="pair", question=pair.turned)]
        replies = {**baseline_replies(asked, seen, self._learnt)}
        replies[BACKEND] = await replies_to(path, self._config, asked)
        for of, own in replies.items():
            [self._turned[of][number]] = rows_of(number, asked, own)


def leave(out: Path, lines: Sequence[Line], result: Line, suite: Suite) -> None:
    """Write the page, and the numbers with every reply. Raises ConfigError where a file cannot be written."""
    rows = [
        {"of": of, **{name: value for name, value in dataclasses.asdict(row).items() if name != "reply"}}
        | {"reply": dataclasses.asdict(row.reply)}
        for of, rows in suite.results.rows.items()
        for row in rows
    ]
    content = json.dumps({"result": result, "lines": lines, "rows": rows}, indent=1)
    try:
        (out / "results.json").write_text(content, encoding="utf-8")
    except OSError as error:
        raise ConfigError("--out", f"{out} cannot be written: {error.strerror}") from error
    write_report(out / "report.html", lines, result, suite.results, suite.paths)
