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
from runtime.apps.yard_lines import BACKEND, WINDOW, Line, Results, lines_of, result_of
from runtime.apps.yard_pairs import Pair, draw_pair
from runtime.apps.yard_replies import DESCRIPTION, Reply, Row, replies_to, rows_of, window_replies
from runtime.apps.yard_report import write_report
from runtime.apps.yard_text import as_text
from runtime.apps.yard_worlds import Asked, asked_of, path_of, rendered, rendered_world, settings_of, truths_in
from runtime.config import Config
from runtime.errors import ConfigError

MOST_WORLDS = 10_000


async def run_yard(config: Config, out: Path | None, *, count: int, length_s: float, as_json: bool) -> int:
    """Measure and print everything; exit code 0 whatever the numbers are. Raises as `replay` does."""
    start_s = time.perf_counter()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="heedful-yard-")))
        suite = Suite(config, out / "worlds" if out else scratch, scratch, length_s)
        for number in range(count):
            progress(f"world {number + 1} of {count}")
            await suite.play(number)
        lines = lines_of(suite.results)
        result = result_of(lines) | {"backend": config.reasoning.backend, "worlds": count, "length_s": length_s}
        result["took_s"] = round(time.perf_counter() - start_s, 1)
        if out is not None:
            leave(out, lines, result, suite)
    if as_json:
        print("\n".join(json.dumps({"type": "score", **line}) for line in lines))
    else:
        print(as_text(lines) + "\n")
    print(json.dumps(result))
    return 0


class Suite:
    """The worlds of the test split, and what everybody replied to the questions about them."""

    def __init__(self, config: Config, folder: Path, scratch: Path, length_s: float) -> None:
        """Take the worlds from `folder`, where they stay. Raises ConfigError where `length_s` is out of range."""
        self._config, self._folder, self._scratch = config, folder, scratch
        self._settings = settings_of("test", length_s)
        self._learnt: Frequent = frequent(settings_of("train", length_s))
        self.paths: dict[int, Path] = {}
        names = (BACKEND, WINDOW, *BASELINES)
        self._rows: dict[str, list[Row]] = {name: [] for name in names}
        self._turned: dict[str, dict[int, Row]] = {name: {} for name in names if name != WINDOW}
        self._descriptions: list[Described] = []

    @property
    def results(self) -> Results:
        """Return everything that was replied so far."""
        return Results(rows=self._rows, turned=self._turned, descriptions=self._descriptions)

    async def play(self, number: int) -> None:
        """Ask everything about one world."""
        seed = seed_of("test", number)
        path = self.paths[number] = rendered(self._folder, self._settings, number)
        seen = truths_in(path)
        asked = asked_of(seen, self._settings, seed)
        pair = draw_pair(seen, self._settings, seed)
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
            await self._turn(number, pair)

    async def _turn(self, number: int, pair: Pair) -> None:
        """Ask the question of a pair in the changed world."""
        base = path_of(self._folder, self._settings, number)
        name = f"{base.stem}-{pair.how}-at-{pair.question.asked_s:g}s.mcap"
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
