"""What people say all day: real sentences that need no network, and daily talk made of patterns.

Real are the sentences of Python's own manual (`pydoc_data.topics`, PSF licence, part of every Python), and, where the
sample data is there, all sentences in StreamingBench's files (MIT) and the LibriVox transcripts (public domain): a
thousand in all. Daily talk is put together from patterns (who, what, where, when), thousands of sentences on the
topics of the needles; the sentences beside the needles stand among them. People talk in conversations of a dozen
sentences, on one topic after the other, and conversations come again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from pydoc_data import topics
from random import Random

CONVERSATION = 12  # sentences
REAL_SHARE = 0.25
_SENTENCE = re.compile(r"[A-Z][a-z][\w ,;:'’()\-]{20,160}[.!?]")

_PATTERNS = (
    "{who} left the {thing} {place}",
    "could you put the {thing} {place} please",
    "where on earth is the {thing} of {who}",
    "{who} wants to buy a new {thing} {when}",
    "the {thing} {place} is broken again",
    "{who} is going to the {venue} {when}",
    "the {venue} is closed {when}",
    "we have to be at the {venue} {when}",
    "{who} told me about the {venue} {when}",
    "i have an appointment at the {venue} {when}",
    "{who} paid {number} euros for the {thing}",
    "{who} found {number} coins under the {thing}",
    "the number of the {venue} ends in {number}",
    "{who} is {number} minutes late for the {venue}",
    "{who} ate {number} {food} {when}",
    "we are out of {food} can {who} get some {when}",
    "{who} does not like {food} any more",
    "there is {food} {place} for {who}",
    "{who} has a cold and stays at home {when}",
    "{who} called about the {thing} {when}",
    "{who} will repair the {thing} {when}",
    "the parcel for {who} comes {when}",
    "somebody delivered a {thing} for {who}",
    "{who} is cleaning the {thing} {when}",
    "{who} lent me a {thing} {when}",
)
_WORDS = {
    "who": "my sister,my brother,mum,dad,aunt rosa,uncle ben,peter,laura,the neighbour,my boss,the teacher,nina,max,"
    "the plumber,our landlord,the nurse,oscar,mia,the twins,paula",
    "thing": "umbrella,bicycle,wallet,laptop,charger,scarf,toolbox,ladder,lamp,blanket,suitcase,camera,printer,toaster,"
    "guitar,mirror,helmet,bucket,rucksack,key ring,heater,radio,calendar,bin",
    "place": "in the kitchen,on the balcony,in the cellar,behind the door,on the shelf,under the bed,in the car,"
    "at the office,in the drawer,next to the sofa,in the hall,on the table,in the garden",
    "venue": "dentist,pharmacy,library,school,gym,bank,post office,bakery,town hall,station,hospital,hairdresser,"
    "supermarket,museum,cinema,swimming pool,garage,airport",
    "when": "today,tomorrow,on monday,on tuesday,on wednesday,on friday,next week,at eight,at noon,in the evening,"
    "before lunch,at the weekend,in the morning,after work",
    "food": "apples,pancakes,noodles,cheese rolls,potatoes,biscuits,bananas,soup,rice,strawberries,eggs,yoghurt",
    "number": "two,three,seven,twelve,fifteen,twenty,thirty one,forty,ninety,two hundred",
}


def sentences(count: int, near: Sequence[str], data: Path, seed: int) -> list[str]:
    """Return so many different sentences in any order: all of `near`, real ones, and daily talk for the rest."""
    random = Random(seed)
    real = real_sentences(data)
    random.shuffle(real)
    left = list(dict.fromkeys([*near, *real[: int(REAL_SHARE * count)]]))[:count]
    seen = set(left)
    while len(left) < count:
        words = {name: random.choice(choice.split(",")) for name, choice in _WORDS.items()}
        said = random.choice(_PATTERNS).format(**words)
        if said not in seen:
            left.append(said)
            seen.add(said)
    random.shuffle(left)
    return left


def conversations(said: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the sentences a dozen at a time."""
    return [tuple(said[start : start + CONVERSATION]) for start in range(0, len(said), CONVERSATION)]


def real_sentences(data: Path) -> list[str]:
    """Return different sentences that somebody wrote, in one order; `data` is the folder of sample data, if any."""
    manual = " ".join(re.sub(r"\s+", " ", text) for _, text in sorted(topics.topics.items()))
    found = _SENTENCE.findall(manual)
    for path in sorted(data.glob("benchmarks/streamingbench_*.json")):
        found += _strings(json.loads(path.read_text(encoding="utf-8")))
    for path in sorted(data.glob("speech/*_transcription.txt")):
        found += re.findall(r"<s> (.*?) </s>", path.read_text(encoding="utf-8"))
    return list(dict.fromkeys(one.strip() for one in found if len(one.split()) >= 4))


def _strings(value: object) -> list[str]:
    """Return all text in a benchmark file; what is no sentence is left out later."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [one for some in value for one in _strings(some)]
    return [value] if isinstance(value, str) else []
