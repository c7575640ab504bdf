"""The key-value cache of one stream: grows in place, forgets blocks exactly, and goes back to where it was.

Beside the keys of all layers it keeps notes per token, the same for every layer: whether it is visual, how many tokens
it stands for, which block it belongs to. Layout: sinks (the system prompt), recalled blocks, the recent window, and
what is being asked. Leaving tokens out equals masking them, because every position is explicit; transformers' own
position ids, which count cached tokens, would be wrong here, so they are always given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

from reasoning.lmm.rotary import Turner

TEXT = -1  # the block of what is no frame
ROOM = 256  # tokens a layer begins with
GROWTH = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What is known of cached tokens, in their order; every field (N,) but the last."""

    visual: Tensor  # bool
    log_size: Tensor  # float32: log of how many tokens it stands for
    block: Tensor  # int64: number of its frame, TEXT for words
    place: Tensor  # int64: row * columns + column in the frame's grid, -1 for words
    position: Tensor  # int64: on the first axis of the rotary embedding
    sinks: Tensor  # (N, L) bool: in which layers it is an attention sink, where somebody looked

    def __len__(self) -> int:
        return len(self.visual)

    def pick(self, index: Tensor | slice) -> Notes:
        """Return the notes of some tokens."""
        return Notes(**{one.name: getattr(self, one.name)[index] for one in fields(self)})


def join(parts: Sequence[Notes]) -> Notes:
    """Return the notes of all parts, one after the other."""
    return Notes(**{one.name: torch.cat([getattr(part, one.name) for part in parts]) for one in fields(Notes)})


def notes_of_text(count: int, position: int, layers: int) -> Notes:
    """Return notes of words that begin at a position, in a decoder of so many layers."""
    return Notes(
        visual=torch.zeros(count, dtype=torch.bool),
        log_size=torch.zeros(count),
        block=torch.full((count,), TEXT),
        place=torch.full((count,), -1),
        position=torch.arange(position, position + count),
        sinks=torch.zeros(count, layers, dtype=torch.bool),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A frame outside the cache, in memory of the CPU: keys and values (L, H_kv, N, D), as they were rotated."""

    number: int
    span: int  # positions that it took, also those of tokens that were not kept
    keys: Tensor
    values: Tensor
    notes: Notes

    @property
    def size_bytes(self) -> int:
        """Return how much memory its keys and values take."""
        return 2 * self.keys.numel() * self.keys.element_size()


class GrowingLayer(DynamicLayer):
    """A layer's keys and values in buffers with room at the end: a new token copies itself and nothing else."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._room: list[Tensor] = []

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Append (B, H_kv, T, D) and return all keys and values."""
        self.write(self.get_seq_length(), key_states, value_states)
        return self.pair

    @property
    def pair(self) -> tuple[Tensor, Tensor]:
        """Return all keys and values (B, H_kv, N, D); a layer that has seen nothing has none."""
        assert self.keys is not None
        assert self.values is not None
        return self.keys, self.values

    def write(self, start: int, keys: Tensor, values: Tensor) -> None:
        """Put tokens at `start`; what was there and after it is forgotten."""
        if not self.is_initialized:
            self.lazy_initialization(keys, values)
        end = start + keys.shape[2]
        if not self._room or end > self._room[0].shape[2]:
            room = max(ROOM, int(GROWTH * end))
            grown = [new.new_empty((*new.shape[:2], room, new.shape[3])) for new in (keys, values)]
            for old, new in zip(self.pair if start else (), grown, strict=False):
                new[:, :, :start] = old[:, :, :start]
            self._room = grown
        for buffer, new in zip(self._room, (keys, values), strict=True):
            buffer[:, :, start:end] = new
        self.keys, self.values = self._room[0][:, :, :end], self._room[1][:, :, :end]

    def cut(self, count: int) -> None:
        """Forget all but the first `count` tokens."""
        if self.is_initialized and count < self.get_seq_length():
            self.keys, self.values = (one[:, :, :count] for one in self.pair)


class StreamCache:
    """Keys, values and notes of one stream."""

    def __init__(self, layers: int, turner: Turner) -> None:
        """Start empty; `turner` is the decoder's."""
        self.layers = [GrowingLayer() for _ in range(layers)]
        self.kv = Cache(layers=list(self.layers))  # what the decoder is called with
        self.notes = notes_of_text(0, 0, layers)
        self.pinned = 0  # tokens at the beginning that never leave
        self._originals: list[Tensor] = []  # their keys per layer, as they were first rotated
        self._origin = self.notes.position
        self._turner = turner

    def __len__(self) -> int:
        return self.layers[0].get_seq_length()

    @property
    def size_bytes(self) -> int:
        """Return how much the cached tokens take, without the room to grow."""
        filled = [layer for layer in self.layers if layer.get_seq_length()]
        return sum(one.numel() * one.element_size() for layer in filled for one in layer.pair)

    @property
    def log_size(self) -> Tensor | None:
        """Return the notes' log sizes, None where no token stands for several."""
        return self.notes.log_size if bool(self.notes.log_size.any()) else None

    def note(self, notes: Notes) -> None:
        """Say what the decoder has just appended."""
        self.notes = join((self.notes, notes))
        assert len(self.notes) == len(self), "notes and keys are of the same tokens"

    def rewind(self, count: int) -> None:
        """Go back to the first `count` tokens: a question and its answer leave no trace."""
        for layer in self.layers:
            layer.cut(count)
        self.notes = self.notes.pick(slice(0, count))

    def forget(self, gone: Tensor) -> None:
        """Leave tokens (N,) bool out, in every layer."""
        index = (~gone).nonzero().squeeze(-1)
        if len(index) == len(self):
            return
        first = int(gone.nonzero()[0])
        for layer in self.layers:
            keys, values = (one[:, :, index[first:]] for one in layer.pair)  # the first ones stay where they are
            layer.write(first, keys, values)
        self.notes = self.notes.pick(index)

    def take(self, number: int, span: int) -> Block:
        """Return a copy of a frame's keys and values in memory of the CPU; it took `span` positions."""
        index = (self.notes.block == number).nonzero().squeeze(-1)
        return Block(
            number=number,
            span=span,
            keys=torch.stack([layer.pair[0][0][:, index] for layer in self.layers]).to("cpu"),
            values=torch.stack([layer.pair[1][0][:, index] for layer in self.layers]).to("cpu"),
            notes=self.notes.pick(index),
        )

    def insert(self, at: int, blocks: Sequence[Block], position: int) -> None:
        """Put frames before token `at`, one after the other, moved so that the first begins at `position`."""
        moved, shifts = [], []
        for block in blocks:
            shift = position - int(block.notes.position.min())
            moved.append(replace(block.notes, position=block.notes.position + shift))
            shifts.append(shift)
            position += block.span
        for place, layer in enumerate(self.layers):
            keys, values = layer.pair
            pairs = zip(blocks, shifts, strict=True)
            turned = [self._turner.turn(block.keys[place][None].to(keys.device), shift) for block, shift in pairs]
            back = [block.values[place][None].to(values.device) for block in blocks]
            after = keys[:, :, at:].clone(), values[:, :, at:].clone()
            layer.write(at, torch.cat((*turned, after[0]), dim=2), torch.cat((*back, after[1]), dim=2))
        self.notes = join((self.notes.pick(slice(0, at)), *moved, self.notes.pick(slice(at, None))))

    def copy(self) -> StreamCache:
        """Return a cache of its own with the same tokens."""
        other = StreamCache(len(self.layers), self._turner)
        for mine, theirs in zip(self.layers, other.layers, strict=True):
            if mine.get_seq_length():
                theirs.write(0, *mine.pair)
        other.notes, other.pinned = self.notes, self.pinned
        other._originals, other._origin = self._originals, self._origin
        return other

    def pin(self, count: int) -> None:
        """Keep the first `count` tokens for ever, at whatever positions."""
        self.pinned = count
        self._originals = [layer.pair[0][:, :, :count].clone() for layer in self.layers]
        self._origin = self.notes.position[:count].clone()

    def pin_before(self, position: int) -> None:
        """Move the pinned tokens so that they end just before a position, always from their first keys."""
        shift = position - 1 - int(self._origin[-1]) if self.pinned else 0
        for layer, keys in zip(self.layers, self._originals, strict=True):
            layer.pair[0][:, :, : self.pinned] = self._turner.turn(keys, shift)
        moved = torch.cat((self._origin + shift, self.notes.position[self.pinned :]))
        self.notes = replace(self.notes, position=moved)

    def move(self, tokens: slice, shift: int) -> None:
        """Move tokens by so many positions, forwards or back."""
        if shift == 0:
            return
        for layer in self.layers:
            keys, _ = layer.pair
            keys[:, :, tokens] = self._turner.turn(keys[:, :, tokens], shift)
        position = self.notes.position.clone()
        position[tokens] += shift
        self.notes = replace(self.notes, position=position)
