"""What no percept of this version can tell: colours, names, kinds of things, feelings, written words and the like.

Each rule ends the sentence "I cannot tell ...". Movement itself is no object: "when did a car pass" is answered as
movement, with a caveat.
"""

from __future__ import annotations

from reasoning import vocabulary as vocab
from reasoning.patterns import AMID, either, has, word

_THING = either(*sorted((vocab.OBJECTS | vocab.PEOPLE) - vocab.PRONOUNS))
_COUNTABLE = (
    r"(?:(?:loud|quiet|short|long|separate|different|distinct|single|other|more|spoken|scene|camera|such|audible"
    r"|visible|individual)\s+)*"
) + either(
    r"times?|movements?|motions?|sounds?|noises?|tones?|beeps?|bleeps?|bangs?|utterances?|sentences?|phrases?|remarks?",
    r"cuts?|scenes?|shots?|transitions?|changes?|pauses?|silences?|gaps?|statements?|commands?|orders?|turns?|speech",
    r"seconds?|secs?|minutes?|mins?|hours?|events?|segments?|episodes?|periods?|stretches|bits?|parts?|occasions?",
    r"phases?|spells?|moments?|instances?|bursts?|intervals?|cameras?|microphones?|mics?|sensors?|streams?",
    r"things?\s+(?:happened|moved|occurred|were\s+said)",
)
# "the person who spoke" asks nothing about the person.
_INTERROGATIVE_WHO = (
    "".join(
        rf"(?<!\b{noun} )"
        for noun in "person people one anyone someone somebody anybody man woman those voice speaker".split()
    )
    + r"\bwho(?:se|m|'s)?\b"
)
_RULES: dict[str, str] = {
    "colours": word(
        r"colou?r(?:s|ed|ful)?",
        r"red|orange|yellow|green|blue|purple|violet|pink|brown|black|white|gr[ae]y|silver|golden|beige|turquoise",
    ),
    "what is written in the picture": word(
        r"written|writing|letters?|captions?|logos?|signs?(?!\s+of)|label(?:led|s)?|text",
        r"number\s*plate|licen[cs]e|plate",
    ),
    "smells, tastes, temperature or weather": word(
        r"smell\w*|smelt|odou?r|scent|stink|tastes?|temperature|warm|cold|hot",
        r"weather|rain(?:s|y|ing|ed)?|snow(?:ing)?|sunny|wind|windy|humid|wet",
    ),
    "feelings": word(
        r"emotion\w*|moods?|feel\w*|felt|happy|happier|sad|angry|upset|nervous|afraid|scared|excited|bored|tired",
        r"annoyed|friendly|smil(?:e|es|ed|ing)|frown\w*|anxious|worried|surprised|drunk|attitude",
    ),
    "languages or accents": word(
        r"languages?|accents?|dialects?|english|german|french|spanish|italian|chinese|foreign"
    ),
    "who somebody is": either(
        _INTERROGATIVE_WHO,
        word(
            r"gender|male|female|age|aged|older|younger|how\s+old|names?|named|identi\w+|recogni[sz]e\w*|familiar",
            r"(?:same|different)\s+(?:person|persons|people|man|men|woman|women|speakers?|voices?|cars?)",
            r"(?:man|woman|he|boy|girl)\s+or\s+(?:an?\s+)?(?:man|woman|she|boy|girl|child)",
            r"which\s+(?:person|man|woman|one\s+of|speaker|guy|people|voice)",
        ),
    ),
    "speeds": word(r"how\s+(?:fast|quick\w*|slow\w*)|speeds?|speeding|velocity|km/?h|mph|faster|slower|accelerat\w+"),
    "sizes or distances": word(
        r"how\s+(?:far|wide|tall|high|deep|heavy|close)|distances?|met(?:er|re)s\s+away|weigh\w*|height"
    ),
    "why something happens": word(r"why|how\s+come|reasons?|what\s+(?:for|caused?|made)|caused?|causes"),
    "the future": word(
        r"will|going\s+to\s+(?:happen|be|come|say|move|rain|do)|tomorrow|about\s+to|predict\w*|should|future",
        r"next\s+(?:minute|hour|day|week|month|year)",
    ),
    "how things compare": word(
        rf"more\b{AMID}\b(?:or|than)(?!\s+(?:once|twice|one|two|three|four|five|\d))",
        r"same\s+(?:\w+\s+)?(?:things?|words?|sentences?|sounds?|tones?|noises?|movements?|places?|way)|identical|repeat\w*|repetition",
        r"(?:sound|look|move|differ)s?\s+(?:alike|the\s+same|different\w*)|differences?\b",
        rf"(?:longer|shorter|louder|quieter|bigger|smaller|stronger|higher|lower|deeper)\b{AMID}\b(?:or|than)",
    ),
    "what people or things look like or do": word(
        r"wear\w*|wore|hold|holds|holding|held|carry|carries|carrying|carried|dressed|clothes|clothing|shirt|jacket",
        r"coat|hat|hair|beard|glasses|shoes|bald|tattoo|faces?|hands?(?!\s+(?:side|corner|edge|half|part))|looked\s+like|looks?\s+like|appearance",
        r"beautiful|pretty|eat|eating|drink|drinking",
        rf"what\s+(?:is|was|are|were|did|does|do)\s+(?:the\s+|an?\s+)?(?:\w+\s+)?(?:{_THING}|he|she|they)\s+(?:\w+\s+){{0,3}}"
        r"(?:doing|do|did)",
    ),
    "whether the camera itself moves": word(
        r"camera\s+(?:(?!(?:see|sees|saw|seen|notice\w*|detect\w*|sense\w*)\b)\w+\s+)?(?:been\s+)?(?:mov|shak|turn|pann?|tilt)\w*"
    ),
    "the light": word(r"lights?|lamps?|bright\w*|dark\w*|sunlight|shadows?"),
    "what kind of thing it is": word(
        r"(?:what|which)\s+(?:kinds?|sorts?|types?|makes?|brands?|models?|breeds?|species)"
        r"(?!\s+of\s+(?:sounds?|noises?|words?|sensors?|things?))",
        rf"which\s+(?!(?:no|some|any|every)(?:body|one)\b){_THING}",  # "a time in which nobody moved"
        rf"what\s+{_THING}\b(?!\s+(?:said|say|says|talked|moved|happened))",
        r"brands?",
    ),
    "how many people or things there are": rf"\b(?:how\s+many|number\s+of|count\s+(?:of|the))\s+(?!{_COUNTABLE}\b)\w+",
    "what makes a sound": word(
        r"bark\w*|meow\w*|music\w*|songs?|sing|sings|singing|sang|sung|melody|instruments?|guitar|piano|drums?|violin",
        r"sirens?|alarms?|laugh\w*|cr(?:y|ies|ied|ying)|cough\w*|sneez\w*|applau\w*|clap\w*|gunshots?|thunder\w*",
        r"doorbell|bells?|r[iau]ng|ringing|knock\w*|footsteps?|engines?|horns?|honk\w*|scream\w*|glass|explosions?",
        r"birdsong|chirp\w*|snor\w*|typing|whistl\w*|helicopters?",
    ),
}
# Presence needs a recogniser even where nobody asks for more: who stands still is not seen.
_PRESENCE = either(
    rf"\b(?:is|are|was|were|see|saw|seen|spot|spotted|notice[ds]?|visible|show|contain|detect(?:ed)?)\b{AMID}"
    rf"\b{_THING}\b",
    rf"\bwhat\b{AMID}\b(?:in|on)\s+the\s+(?:picture|image|frame|screen|view)\b",
    rf"\b{_THING}\b{AMID}\b(?:visible|present|there|standing|sitting|waiting|parked|stand|stood|sit|sat|seen)\b",
)
_STATIC = word(r"empty|standing|sitting|parked|crowded|occupied|deserted|stood|sat|waiting|lying|stay|stayed")


def reason(rest: str, *, is_perceived: bool) -> str:
    """Return what cannot be told, "" where nothing forbids an answer.

    `rest` is the question without quotes, times and search words; `is_perceived` says that it also asks for
    something there are percepts of (speech, sounds, movement), so that a thing in it is a mere bystander.
    """
    for what, pattern in _RULES.items():
        if has(pattern, rest):
            return what
    if not is_perceived and has(_STATIC, rest):
        return "what stands still"
    if not is_perceived and has(_PRESENCE, rest):
        return "which people or things are there"
    return ""
