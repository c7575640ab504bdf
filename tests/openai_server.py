"""A real server that speaks OpenAI's protocol: `transformers serve` with a tiny LLaVA made here, without a network."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from tests.fakes import PATIENCE_S

IMAGE_PX, PATCH_PX = 28, 14
END = 2
SPECIAL = ["<pad>", "<s>", "</s>", "<image>"]
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ message['role'] + ': ' }}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<image>' }}{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}{{ '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}"
)


def write_model(folder: Path, says: str) -> None:
    """Write a seeded LLaVA that answers whatever it is asked by `says`."""
    tokenizer = _tokenizer(says)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.LlavaForConditionalGeneration(_config(tokenizer)).eval()
        model.generation_config = transformers.GenerationConfig(pad_token_id=0, bos_token_id=1, eos_token_id=END)
        _teach(model, tokenizer, says)
    model.save_pretrained(folder)
    transformers.LlavaProcessor(
        image_processor=CLIPImageProcessorPil(
            size={"shortest_edge": IMAGE_PX}, crop_size={"height": IMAGE_PX, "width": IMAGE_PX}
        ),
        tokenizer=tokenizer,
        patch_size=PATCH_PX,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,  # CLIP's class token, which "default" takes away again
        chat_template=TEMPLATE,
    ).save_pretrained(folder)


def _tokenizer(says: str) -> Any:
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=384, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    raw.train_from_iterator([says], trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        extra_special_tokens={"image_token": "<image>"},
    )


def _config(tokenizer: Any) -> Any:
    return transformers.LlavaConfig(
        vision_config=transformers.CLIPVisionConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            image_size=IMAGE_PX,
            patch_size=PATCH_PX,
            projection_dim=32,
        ),
        text_config=transformers.LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=4096,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=END,
        ),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
    )


def _teach(model: Any, tokenizer: Any, says: str) -> None:
    """Fit the decoder: after the cue to answer comes `says`, whatever stood before."""
    said = [*tokenizer(says, add_special_tokens=False)["input_ids"], END]
    cue = tokenizer("\nassistant:", add_special_tokens=False)["input_ids"]
    weights = [*model.model.language_model.parameters(), *model.lm_head.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=3e-3)
    for _ in range(400):
        before = torch.randint(len(SPECIAL), len(tokenizer), (8, int(torch.randint(4, 60, ()))))
        ids = torch.cat((torch.ones(8, 1, dtype=torch.int64), before, torch.tensor(cue + said).expand(8, -1)), dim=1)
        labels = ids.clone()
        labels[:, : -len(said)] = -100
        loss = model(input_ids=ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss.item() < 0.01:
            return


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Serve the model in a folder; yield the address up to /v1, and the process."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = int(one.getsockname()[1])
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / ".hf"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(folder), "--device", "cpu"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    log = folder / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(command, env={**os.environ, **offline}, stdout=out, stderr=subprocess.STDOUT)
    try:
        deadline_s = time.monotonic() + PATIENCE_S
        while not _is_up(port):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline_s, log.read_text()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/v1", server
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _is_up(port: int) -> bool:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        link.request("GET", "/health")
        return link.getresponse().status == 200
    except OSError:
        return False
    finally:
        link.close()
