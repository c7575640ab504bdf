"""What counts as movement, novelty and a cut, on drawn scenes with known truth and on the sample recordings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import yaml

from perception.change import Change, ChangeDetector
from perception.media import VideoFile, probe
from perception.motion import MotionPiece, MotionSegments

if TYPE_CHECKING:
    from numpy.typing import NDArray

S = 1_000_000_000
HEIGHT, WIDTH = 108, 192
Span = tuple[float, float]


def texture(rng: np.random.Generator, shape: tuple[int, int], amplitude: float, mean: float) -> NDArray[np.float64]:
    """Draw smooth random shades (H, W) with details of about six pixels."""
    rows, cols = shape
    coarse = rng.standard_normal((rows // 6 + 3, cols // 6 + 3))
    y, x = np.linspace(0, rows / 6, rows), np.linspace(0, cols / 6, cols)
    row, col = y.astype(int), x.astype(int)
    down, right = (y - row)[:, None], (x - col)[None, :]
    upper = coarse[row][:, col] * (1 - right) + coarse[row][:, col + 1] * right
    lower = coarse[row + 1][:, col] * (1 - right) + coarse[row + 1][:, col + 1] * right
    return np.asarray(mean + amplitude * (upper * (1 - down) + lower * down))


def slide(pixels: NDArray[np.float64], right_px: float) -> NDArray[np.float64]:
    """Move a picture to the right, also by fractions of a pixel."""
    whole = int(np.floor(right_px))
    part = right_px - whole
    return np.roll(pixels, whole, 1) * (1 - part) + np.roll(pixels, whole + 1, 1) * part


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Ten seconds of a textured wall; a thing crosses it from 4 s to 7 s."""

    rate_hz: float = 12.5
    size: tuple[int, int] = (30, 16)  # height, width of the thing; (0, 0) for none
    speed_px_s: float = 30.0
    thing: tuple[float, float] = (25.0, 150.0)  # amplitude and mean of its texture
    noise: float = 1.0
    light: Callable[[float], float] = lambda t_s: 1.0
    pop: float = 0.0  # what the second's key frame changes everywhere
    tremble_px: float = 0.0

    def frames(self) -> list[tuple[NDArray[np.uint8], int]]:
        rng = np.random.default_rng(3)
        wall = texture(rng, (HEIGHT, WIDTH), 25, 110)
        thing = texture(rng, self.size, *self.thing) if self.size[0] else np.zeros((0, 0))
        popped: NDArray[np.float64] = np.zeros((HEIGHT, WIDTH))
        frames = []
        for seq in range(int(10 * self.rate_hz)):
            t_s = seq / self.rate_hz
            if self.pop and seq % round(self.rate_hz) == 0:
                popped = rng.standard_normal((27, 48)).repeat(4, 0).repeat(4, 1) * self.pop
            pixels = slide(wall, rng.uniform(-1, 1) * self.tremble_px) + popped
            if 4 <= t_s <= 7:
                left = int(20 + self.speed_px_s * (t_s - 4))
                pixels[40 : 40 + self.size[0], left : left + self.size[1]] = thing
            pixels = pixels * self.light(t_s) + self.noise * rng.standard_normal(pixels.shape)
            frames.append((np.clip(pixels, 0, 255).astype(np.uint8), round(t_s * S)))
        return frames


def watch(frames: list[tuple[NDArray[np.uint8], int]]) -> tuple[list[Change], list[Span]]:
    """Return the changes and the merged intervals of movement in seconds."""
    detector, segments = ChangeDetector(), MotionSegments()
    changes: list[Change] = []
    spans: list[Span] = []
    pieces: list[MotionPiece] = []
    for gray, t_ns in frames:
        change = detector.step(gray, t_ns)
        changes.append(change)
        pieces += segments.step(change, t_ns)
    pieces += segments.flush(frames[-1][1])
    for piece in pieces:
        start_s, end_s = piece.start_ns / S, piece.end_ns / S
        if spans and spans[-1][1] == start_s:
            start_s = spans.pop()[0]
        spans.append((start_s, end_s))
    return changes, spans


@pytest.mark.parametrize(
    "scene",
    [
        pytest.param(Scene(), id="plain"),
        pytest.param(Scene(rate_hz=5), id="5 fps"),
        pytest.param(Scene(rate_hz=60), id="60 fps"),
        pytest.param(Scene(noise=0), id="no noise"),
        pytest.param(Scene(noise=8), id="much noise"),
        pytest.param(Scene(rate_hz=5, noise=5), id="5 fps, noise"),
        pytest.param(Scene(light=lambda t_s: 0.25), id="low light"),
        pytest.param(Scene(light=lambda t_s: 1 - t_s / 20), id="dusk"),
        pytest.param(Scene(light=lambda t_s: 1.0 if t_s < 2 else 0.7), id="a lamp goes out"),
        pytest.param(Scene(light=lambda t_s: 1 + 0.05 * np.sin(58 * t_s)), id="flicker"),
        pytest.param(Scene(pop=3), id="key frames"),
        pytest.param(Scene(tremble_px=0.2), id="camera trembles"),
        pytest.param(Scene(speed_px_s=6), id="slow"),
        pytest.param(Scene(size=(10, 6)), id="small"),
        pytest.param(Scene(size=(60, 60)), id="large"),
        pytest.param(Scene(thing=(5, 125)), id="low contrast"),
        pytest.param(Scene(thing=(0, 110)), id="without texture"),
    ],
)
def test_a_passing_thing_is_one_movement(scene: Scene) -> None:
    changes, spans = watch(scene.frames())
    assert len(spans) == 1
    assert spans[0] == pytest.approx((4, 7), abs=0.35)
    assert not any(change.is_cut for change in changes)


@pytest.mark.parametrize(
    "scene",
    [
        pytest.param(Scene(size=(0, 0), noise=6), id="noise"),
        pytest.param(Scene(size=(0, 0), pop=4), id="key frames"),
        pytest.param(Scene(size=(0, 0), tremble_px=0.3), id="camera trembles"),
        pytest.param(Scene(size=(0, 0), light=lambda t_s: 0.6 + 0.4 * np.cos(t_s)), id="clouds"),
        pytest.param(Scene(size=(0, 0), light=lambda t_s: 1.0 if int(t_s) % 2 else 0.75), id="a lamp blinks slowly"),
    ],
)
def test_nothing_moves_in_a_scene_that_only_looks_restless(scene: Scene) -> None:
    changes, spans = watch(scene.frames())
    assert spans == []
    assert not any(change.is_cut for change in changes)


def test_something_that_stopped_does_not_move_any_more() -> None:
    rng = np.random.default_rng(5)
    wall, thing = texture(rng, (HEIGHT, WIDTH), 25, 110), texture(rng, (40, 20), 25, 60)
    frames = []
    for seq in range(100):  # walks in, stands from 3 s on
        pixels = wall.copy()
        left = min(seq, 30) * 3
        pixels[30:70, left : left + 20] = thing
        frames.append(((pixels + rng.standard_normal(pixels.shape)).clip(0, 255).astype(np.uint8), seq * S // 10))
    _, spans = watch(frames)
    assert spans == [pytest.approx((0.1, 3.0), abs=0.25)]


def test_the_box_is_where_the_thing_is() -> None:
    changes, _ = watch(Scene().frames())
    at_5_s = changes[round(5 * 12.5)]
    x0, y0, x1, y1 = at_5_s.boxes[0]
    assert x0 <= 50 / WIDTH <= x1 <= 80 / WIDTH
    assert y0 <= 40 / HEIGHT
    assert 70 / HEIGHT <= y1 <= 80 / HEIGHT
    assert at_5_s.area == pytest.approx(at_5_s.moved.mean())
    assert at_5_s.moved.shape == (14, 24)


def test_a_cut_is_a_cut_and_no_movement() -> None:
    rng = np.random.default_rng(9)
    scenes = [texture(rng, (HEIGHT, WIDTH), 40, mean) for mean in (110, 110, 60)]
    scenes.append(np.zeros((HEIGHT, WIDTH)))  # black, and back
    scenes.append(scenes[0])
    frames = [
        ((scenes[seq // 25] + rng.standard_normal((HEIGHT, WIDTH))).clip(0, 255).astype(np.uint8), seq * S // 25)
        for seq in range(125)
    ]
    changes, spans = watch(frames)
    assert [seq for seq, change in enumerate(changes) if change.is_cut] == [25, 50, 75, 100]
    assert spans == []


def test_panning_is_no_series_of_cuts() -> None:
    wide = texture(np.random.default_rng(2), (HEIGHT, 4 * WIDTH), 40, 110)
    frames = [(wide[:, 4 * seq : 4 * seq + WIDTH].clip(0, 255).astype(np.uint8), seq * S // 12) for seq in range(100)]
    changes, _ = watch(frames)
    assert not any(change.is_cut for change in changes[2:])


def test_novelty_counts_against_the_last_kept_frame() -> None:
    detector = ChangeDetector()
    wall = np.full((HEIGHT, WIDTH), 100, np.uint8)
    half = wall.copy()
    half[:, : WIDTH // 2] = 160
    assert detector.step(wall, 0).novelty == 1.0
    detector.keep()
    assert detector.step(wall, S).novelty == 0.0
    assert detector.step(half, 2 * S).novelty == pytest.approx(0.5)
    assert detector.step(half, 3 * S).novelty == pytest.approx(0.5)  # still not kept
    detector.keep()
    assert detector.step(half, 4 * S).novelty == 0.0


def test_brightness_and_contrast_are_those_of_the_picture() -> None:
    gray = np.zeros((96, 96), np.uint8)
    gray[:, 48:] = 255
    change = ChangeDetector().step(gray, 0)
    assert change.luma == pytest.approx(0.5)
    assert change.contrast == pytest.approx(0.5, abs=1e-4)
    assert ChangeDetector().step(gray[:, :48], 0).contrast == pytest.approx(0.0)


def test_another_size_starts_anew() -> None:
    detector = ChangeDetector()
    rng = np.random.default_rng(0)
    for seq, shape in enumerate([(108, 192), (108, 192), (90, 160), (90, 160), (5, 3)]):
        change = detector.step(rng.integers(0, 255, shape, np.uint8), seq * S // 10)
        if seq in (0, 2, 4):
            assert (change.area, change.novelty, change.is_cut) == (0.0, 1.0, False)
        detector.keep()


def test_frames_after_a_long_wait_are_not_compared() -> None:
    frames = Scene().frames()
    detector = ChangeDetector()
    detector.step(frames[60][0], 0)
    assert detector.step(frames[80][0], 10 * S).area == 0.0


def overlap(first: Span, second: Span) -> float:
    inner = min(first[1], second[1]) - max(first[0], second[0])
    return inner / (max(first[1], second[1]) - min(first[0], second[0]))


def outside(span: Span, neutral: list[list[float]]) -> Span:
    """Return the part of the span that is left when it is trimmed by neutral stretches at its ends."""
    start_s, end_s = span
    for low_s, high_s in sorted(neutral):
        if low_s <= start_s < high_s:
            start_s = min(high_s, end_s)
    for low_s, high_s in sorted(neutral, reverse=True):
        if low_s < end_s <= high_s:
            end_s = max(low_s, start_s)
    return start_s, end_s


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("video", "truth"),
    [("car-detection.mp4", "car_detection.yaml"), ("one-by-one-person-detection.mp4", "one_by_one.yaml")],
)
def test_movement_on_the_sample_videos_is_what_a_person_saw(data_dir: Path, video: str, truth: str) -> None:
    known = yaml.safe_load((Path(__file__).parent / "truth" / truth).read_text())
    path = data_dir / "video" / video
    reader = VideoFile(path, probe(path)[0], analysis_width_px=192)
    frames = []
    while samples := reader.read(64):
        frames += [(sample.gray, sample.t_ns) for sample in samples]
    reader.close()
    _, spans = watch(frames)
    trimmed = [outside(span, known["neutral"]) for span in spans]
    found = [span for span in trimmed if span[1] - span[0] > 0.2]
    hits = sum(any(overlap(span, (start, end)) >= 0.5 for span in found) for start, end in known["motion"])
    assert 2 * hits / (len(found) + len(known["motion"])) >= 0.8
