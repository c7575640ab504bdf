"""A stream equals stock transformers given the same tokens at once; bounded, it equals one that never had the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor

from reasoning.lmm.attention import install
from reasoning.lmm.cache import StreamCache
from reasoning.lmm.families import Family, FrameTokens, find_family
from reasoning.lmm.grounding import Grounding
from reasoning.lmm.pack import normalised, patches, pixels
from reasoning.lmm.reinforce import Reinforcement
from reasoning.lmm.stream import Budget, LmmStream
from runtime.errors import ModelError
from tests.tiny_lmms import FAMILIES, IMAGE_TOKEN, text_of, tiny

if TYPE_CHECKING:
    from numpy.typing import NDArray

RTOL, ATOL = 0.0, 1e-5
SYSTEM, QUESTION = [5, 6, 152], [10, 11, 12]  # 152 begins a picture: Qwen2.5-Omni finds pictures by it


@pytest.fixture(params=sorted(FAMILIES))
def model(request: pytest.FixtureRequest) -> Any:
    return tiny(request.param)


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


def pictures(count: int, seed: int = 0, height_px: int = 32, width_px: int = 48) -> list[NDArray[np.uint8]]:
    generator = np.random.default_rng(seed)
    return [generator.integers(0, 256, (height_px, width_px, 3), dtype=np.uint8) for _ in range(count)]


def opened(model: Any, **budget: Any) -> tuple[LmmStream, Family]:
    install(model)
    family = find_family(model)
    stream = LmmStream(family, Budget(**budget))
    stream.begin(SYSTEM)
    return stream, family


def answered(stream: LmmStream, **options: Any) -> tuple[list[int], Tensor]:
    """Return an answer of five tokens and the logits before each."""
    seen: list[Tensor] = []

    def decide(logits: Tensor) -> int:
        seen.append(logits.clone())
        return int(logits.argmax())

    return list(stream.answer(QUESTION, limit=5, decide=decide, **options)), torch.stack(seen)


def stock_logits(model: Any, image: NDArray[np.uint8]) -> Tensor:
    """Return what the whole stock model says after words, a picture and a question, from its own ids and positions."""
    family: Any = find_family(model)
    inputs: dict[str, Any] = {}
    if hasattr(family, "_patch_px"):
        cell_px = family._patch_px * family._merge
        rows, columns = image.shape[0] // cell_px, image.shape[1] // cell_px
        values = normalised(pixels(image, *image.shape[:2]), family._mean, family._deviation)
        inputs["pixel_values"] = patches(values, family._patch_px, family._merge, family._frames)
        inputs["image_grid_thw"] = torch.tensor([[1, rows * family._merge, columns * family._merge]])
        count = rows * columns
    else:
        assert hasattr(family, "_side_px")
        values = normalised(pixels(image, family._side_px, family._side_px), family._mean, family._deviation)
        is_video = "Onevision" in type(model).__name__
        inputs["pixel_values_videos" if is_video else "pixel_values"] = (
            values[None] if "InternVL" in type(model).__name__ else values[None, None]
        )
        count = len(family.encode(image, 64).tokens)
    token = IMAGE_TOKEN + (1 if "pixel_values_videos" in inputs else 0)
    picture = [token] * (count + ("pixel_values_videos" in inputs))  # with LLaVA-OneVision's newline token
    ids = torch.tensor([[*SYSTEM, *picture, *QUESTION]])
    if "image_grid_thw" in inputs and "Omni" not in type(model).__name__:
        inputs["mm_token_type_ids"] = (ids == token).int()
    return model(input_ids=ids, attention_mask=torch.ones_like(ids), **inputs).logits[0, -1]  # type: ignore[no-any-return]


def test_a_picture_and_a_question_give_stock_logits(model: Any) -> None:
    (image,) = pictures(1)
    stock = stock_logits(model, image)
    stream, _ = opened(model)
    stream.append_frame(image)
    if "Onevision" in type(model).__name__:  # a stream has no end at which its newline token would stand
        newline = model.model.image_newline
        whole = FrameTokens(tokens=newline[None], rows=1, columns=1)
        stream.append_tokens(whole)
    _, logits = answered(stream)
    torch.testing.assert_close(logits[0], stock, rtol=RTOL, atol=ATOL)


def test_an_answer_leaves_no_trace_and_comes_again(model: Any) -> None:
    stream, _ = opened(model)
    for image in pictures(2):
        stream.append_frame(image)
    length, position = len(stream.cache), stream.position
    first, logits = answered(stream)
    again, same = answered(stream)
    assert first == again
    assert torch.equal(logits, same)
    assert (len(stream.cache), stream.position) == (length, position)


def test_what_is_dropped_is_as_if_it_had_never_been_cached(model: Any) -> None:
    """Of two equal frames the second leaves nothing, and its positions stay empty."""
    one, two = pictures(2)
    stream, family = opened(model, threshold=0.999)
    for image in (one, one, two):
        stream.append_frame(image)
    plain, _ = opened(model)
    plain.append_frame(one)
    _, plain.position = family.positions(family.encode(one, 256), plain.position)
    plain.append_frame(two)
    assert stream.keep_rate == pytest.approx(2 / 3)
    torch.testing.assert_close(answered(stream)[1], answered(plain)[1], rtol=RTOL, atol=ATOL)


def test_a_part_of_a_frame_equals_one_prefill_of_its_kept_tokens(model: Any) -> None:
    one, two = pictures(2)
    stream, family = opened(model, threshold=0.0)
    frames = [family.encode(image, 64) for image in (one, two)]
    keep = torch.arange(len(frames[1].tokens)) % 3 > 0
    mixed = torch.where(keep[:, None], -frames[0].tokens, frames[0].tokens)  # opposite: new; equal: dropped
    second = FrameTokens(tokens=mixed, rows=frames[1].rows, columns=frames[1].columns, deepstack=frames[1].deepstack)
    kept = [stream.append_tokens(one) for one in (frames[0], second)]
    assert kept == [len(keep), int(keep.sum())]
    logits = answered(stream)[1][0]
    first_place, after = family.positions(frames[0], len(SYSTEM))
    second_place, after = family.positions(second, after)
    words = torch.arange(len(SYSTEM))
    question = torch.arange(after, after + len(QUESTION))
    places = torch.cat(
        (words.expand(family.axes, -1), first_place, second_place[:, keep], question.expand(family.axes, -1)), dim=1
    )
    tokens = torch.cat(
        (
            family.embed(torch.tensor(SYSTEM)),
            frames[0].tokens,
            mixed[keep],
            family.embed(torch.tensor(QUESTION)),
        )
    )
    extra: dict[str, Any] = {}
    if frames[0].deepstack:
        visual = torch.zeros(1, len(tokens), dtype=torch.bool)
        visual[:, len(SYSTEM) : -len(QUESTION)] = True
        pairs = zip(frames[0].deepstack, second.deepstack, strict=True)
        extra = {
            "visual_pos_masks": visual,
            "deepstack_visual_embeds": [torch.cat((first, later[keep])) for first, later in pairs],
        }
    whole = text_of(model)(
        inputs_embeds=tokens[None],
        position_ids=places[:, None] if family.axes == 3 else places,
        attention_mask=torch.ones(1, len(tokens), dtype=torch.long),
        **extra,
    )
    torch.testing.assert_close(logits, model.lm_head(whole.last_hidden_state[0, -1]), rtol=RTOL, atol=ATOL)


@pytest.mark.parametrize("chunk", [7, 40, 10_000])
def test_frames_read_at_once_equal_frames_read_one_by_one(model: Any, chunk: int) -> None:
    waiting, eager = opened(model, chunk=chunk)[0], opened(model)[0]
    for number, image in enumerate(pictures(5)):
        for stream in (waiting, eager):
            stream.append_frame(image)
            if number == 2:
                stream.append_text([20, 21])
    torch.testing.assert_close(answered(waiting)[1], answered(eager)[1], rtol=RTOL, atol=ATOL)
    assert waiting.cache.notes.block.tolist() == eager.cache.notes.block.tolist()


def test_the_window_stays_bounded_and_the_prompt_closes_up(model: Any) -> None:
    size = len(find_family(model).encode(pictures(1)[0], 64).tokens)
    stream, _ = opened(model, window=3 * size, frame_tokens=64)
    lengths = []
    for image in pictures(12):
        stream.append_frame(image)
        lengths.append(len(stream.cache))
    assert max(lengths) == len(SYSTEM) + 3 * size
    assert lengths[2:] == [lengths[2]] * 10
    notes = stream.cache.notes
    assert notes.block.unique().tolist() == [-1, 9, 10, 11]
    start = int(notes.position[len(SYSTEM)])
    assert notes.position[: len(SYSTEM)].tolist() == [start - 3, start - 2, start - 1]


def test_a_window_spans_no_more_positions_than_it_may(model: Any) -> None:
    """Frames of which nothing is kept pass their positions over: few tokens may lie far apart."""
    span = find_family(model).positions(find_family(model).encode(pictures(1)[0], 64), 0)[1]
    reach = 6 * span + len(SYSTEM)
    stream, _ = opened(model, threshold=0.999, reach=reach + span, recalled=1)
    one, two = pictures(2)
    blocks = []
    for image in (one, one, two, two, two, two, two):
        stream.append_frame(image)
        stream.flush()
        notes = stream.cache.notes
        assert stream.position - int(notes.position.min()) <= reach
        blocks.append(stream.visible())
    assert blocks[-2] == {0, 2}
    assert blocks[-1] == {2}
    assert stream.store.numbers == {0}
    for _ in range(9):
        stream.append_frame(two)
    assert stream.visible() == {2}  # the newest one that was kept stays
    assert len(answered(stream)[0]) == 5


def test_what_comes_back_leaves_the_window_half_of_the_reach(model: Any) -> None:
    span = find_family(model).positions(find_family(model).encode(pictures(1)[0], 64), 0)[1]
    reach = 8 * span + len(SYSTEM)
    stream, _ = opened(model, reach=reach, recalled=64)
    for image in pictures(12):
        stream.append_frame(image)
    widths: list[int] = []

    def ground(cache: StreamCache) -> Grounding:
        widths.append(stream.position - int(cache.notes.position.min()))
        return Grounding(visual=cache.notes.visual, layers=len(cache.layers))

    assert len(answered(stream, ground=ground)[0]) == 5
    assert stream.visible() == {8, 9, 10, 11}
    assert widths == [reach]


def test_what_is_out_of_reach_leaves_before_more_is_read(model: Any) -> None:
    """Also frames that wait for the decoder: what they see is what one that never had the rest sees."""
    span = find_family(model).positions(find_family(model).encode(pictures(1)[0], 64), 0)[1]
    one, two = pictures(2)
    stream, _ = opened(model, threshold=0.999, reach=4 * span + len(SYSTEM))
    plain, _ = opened(model)
    for image in (one, one, one, one, one, two):
        stream.append_frame(image)
    plain.position += 5 * span
    plain.cache.pin_before(plain.position)
    plain.append_frame(two)
    assert stream.visible() == {5}
    torch.testing.assert_close(answered(stream)[1], answered(plain)[1], rtol=RTOL, atol=ATOL)


def test_counting_anew_changes_no_answer(model: Any) -> None:
    size = len(find_family(model).encode(pictures(1)[0], 64).tokens)
    options: dict[str, Any] = {"window": 3 * size, "frame_tokens": 64, "recalled": 2}
    anew, plain = opened(model, far=60, **options)[0], opened(model, **options)[0]
    for image in pictures(24):  # at six positions each at the least
        for stream in (anew, plain):
            stream.append_frame(image)
    assert anew.position < 60 + 3 * size
    assert plain.position > anew.position
    torch.testing.assert_close(answered(anew)[1], answered(plain)[1], rtol=RTOL, atol=1e-4)


def test_a_pinned_prompt_moved_often_equals_one_moved_once(model: Any) -> None:
    install(model)
    family = find_family(model)
    caches = []
    for moves in ([40], [5, 9, 31, 40]):
        stream = LmmStream(family, Budget())
        stream.begin(SYSTEM)
        for position in moves:
            stream.cache.pin_before(position)
        caches.append(stream.cache)
    for one, other in zip(caches[0].layers, caches[1].layers, strict=True):
        assert torch.equal(one.pair[0], other.pair[0])
    assert caches[0].notes.position.tolist() == [37, 38, 39]


def test_merged_frames_stay_within_their_budget_and_count_for_what_they_stand_for(model: Any) -> None:
    stream, family = opened(model, dominant=2, contextual=1)
    (image,) = pictures(1)
    assert stream.append_frame(image) == 3
    notes = stream.cache.notes
    assert int(notes.visual.sum()) == 3
    assert round(float(notes.log_size.exp()[notes.visual].sum())) == len(family.encode(image, 256).tokens)
    assert stream.position == len(SYSTEM) + family.positions(family.encode(image, 256), 0)[1]


def test_a_snapshot_goes_on_by_itself(model: Any) -> None:
    size = len(find_family(model).encode(pictures(1)[0], 64).tokens)
    stream, _ = opened(model, window=2 * size, frame_tokens=64, recalled=1, threshold=0.999)
    images = pictures(6)
    for image in images[:4]:
        stream.append_frame(image)
    before = answered(stream)[1]
    copy = stream.snapshot()
    for image in images[4:]:
        stream.append_frame(image)
    assert torch.equal(answered(copy)[1], before)
    for image in images[4:]:
        copy.append_frame(image)
    assert torch.equal(answered(copy)[1], answered(stream)[1])
    assert copy.keep_rate == stream.keep_rate


def test_sound_is_heard_as_stock_hears_it() -> None:
    model = tiny("qwen2_5_omni")
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 16_000).astype(np.float32)
    extractor = transformers.WhisperFeatureExtractor(feature_size=16)
    heard = extractor(samples, sampling_rate=16_000, padding="longest", return_attention_mask=True, return_tensors="pt")
    family = find_family(model)
    count = len(family.listen(samples))
    ids = torch.tensor([[*SYSTEM, *[154] * count, *QUESTION]])
    stock = model(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        input_features=heard["input_features"],
        feature_attention_mask=heard["attention_mask"],
    ).logits[0, -1]
    stream, _ = opened(model)
    assert stream.append_audio(samples) == count
    assert count == 25
    torch.testing.assert_close(answered(stream)[1][0], stock, rtol=RTOL, atol=ATOL)


def test_old_sound_leaves_the_window_as_old_frames_do() -> None:
    stream, _ = opened(tiny("qwen2_5_omni"), window=60, recalled=1)
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 16_000).astype(np.float32)
    for _ in range(6):
        stream.append_audio(samples)
    assert len(stream.cache) == len(SYSTEM) + 50
    assert len(stream.store) == 4
    assert len(answered(stream)[0]) == 5


@pytest.mark.parametrize("name", ["smolvlm", "qwen2_5_vl"])
def test_who_has_no_ears_says_so(name: str) -> None:
    stream, _ = opened(tiny(name))
    with pytest.raises(ModelError, match="hears nothing"):
        stream.append_audio(np.zeros(16_000, np.float32))


def test_a_cancelled_answer_ends_before_its_next_token_and_is_forgotten() -> None:
    stream, _ = opened(tiny("smolvlm"))
    stream.append_frame(pictures(1)[0])
    length = len(stream.cache)
    given = []
    for token in stream.answer(QUESTION, limit=50):
        given.append(token)
        if len(given) == 2:
            stream.cancel()
    assert len(given) == 2
    assert len(stream.cache) == length
    assert len(list(stream.answer(QUESTION, limit=3))) == 3


def test_cancel_before_the_first_token_gives_none_and_the_next_answer_is_whole() -> None:
    stream, _ = opened(tiny("smolvlm"))
    stream.append_frame(pictures(1)[0])
    length = len(stream.cache)
    asking = stream.answer(QUESTION, limit=5)
    stream.cancel()
    assert list(asking) == []
    assert len(stream.cache) == length
    assert len(list(stream.answer(QUESTION, limit=5))) == 5


def test_an_answer_that_fails_on_the_way_leaves_no_trace(model: Any) -> None:
    size = len(find_family(model).encode(pictures(1)[0], 64).tokens)
    stream, _ = opened(model, window=2 * size, frame_tokens=64, recalled=2)
    for image in pictures(5):
        stream.append_frame(image)
    before = answered(stream)[1]

    def fail(_: object) -> Any:
        raise RuntimeError("no")

    failures: tuple[dict[str, Any], ...] = ({"ground": fail}, {"decide": fail})
    for options in failures:
        with pytest.raises(RuntimeError, match="no"):
            list(stream.answer(QUESTION, limit=3, **options))
    assert torch.equal(answered(stream)[1], before)


def test_an_answer_that_nobody_takes_to_its_end_is_forgotten_too() -> None:
    stream, _ = opened(tiny("smolvlm"))
    stream.append_frame(pictures(1)[0])
    length = len(stream.cache)
    asking = stream.answer(QUESTION, limit=50)
    next(asking)
    assert len(stream.cache) > length
    asking.close()
    assert len(stream.cache) == length


def test_a_stop_token_ends_the_answer_unsaid() -> None:
    stream, _ = opened(tiny("smolvlm"))
    stream.append_frame(pictures(1)[0])
    tokens, _ = answered(stream)
    assert list(stream.answer(QUESTION, limit=5, stops=frozenset({tokens[2]}))) == tokens[: tokens.index(tokens[2])]


def test_grounding_that_is_off_answers_the_same_and_tells_what_was_looked_at(model: Any) -> None:
    stream, _ = opened(model)
    for image in pictures(2):
        stream.append_frame(image)
    plain, logits = answered(stream)
    made: list[Grounding] = []

    def ground(cache: StreamCache) -> Grounding:
        made.append(Grounding(visual=cache.notes.visual, layers=len(cache.layers)))
        return made[-1]

    tokens, seen = answered(stream, ground=ground)
    assert tokens == plain
    torch.testing.assert_close(seen, logits, rtol=RTOL, atol=ATOL)
    looks = made[0].looks
    assert len(looks) == len(stream.cache.layers)
    assert all(0 < float(look.visual_mass.mean()) < 1 for look in looks.values())
    assert made[0].reliance() > 0


def test_reinforced_heads_change_the_answer_and_stay_the_same_in_it(model: Any) -> None:
    stream, _ = opened(model)
    for image in pictures(2):
        stream.append_frame(image)
    _, plain = answered(stream)
    made: list[Grounding] = []

    def ground(cache: StreamCache) -> Grounding:
        rule = Reinforcement(gain=2)
        made.append(Grounding(visual=cache.notes.visual, layers=len(cache.layers), reinforcement=rule))
        return made[-1]

    _, loud = answered(stream, ground=ground)
    assert (loud - plain).abs().max() > 1e-3
    assert set(made[0].heads) == {1, 3}
