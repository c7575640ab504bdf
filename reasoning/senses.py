"""Which sense the words of a question point at; of several the more particular one."""

from __future__ import annotations

from typing import Literal, TypeAlias

from reasoning import vocabulary as vocab
from reasoning.patterns import AMID, either, has

# heard is speech and sound together, seen is motion and scene; sensors are the streams themselves. Dark is a picture in
# which nothing can be seen, blind a stream that gives nothing for whatever reason: a moment that questions hang on.
About: TypeAlias = Literal[
    "speech", "sound", "motion", "scene", "heard", "seen", "anything", "sensors", "dark", "blind"
]

_SENSOR = either(*sorted(vocab.SENSORS))
_STATE = either(*sorted(vocab.SENSOR_STATES))
_MEDIUM = either("sound", "audio", "video", "picture", "image", "vision", "soundtrack", "speech", "motion")
_WHOLE = either("recording", "video", "clip", "audio", "session", "file", "footage", "film")
_ASKS_SENSORS = either(
    rf"\b(?:is|are|was|were|does|do|did|has|have)\s+(?:(?:the|your|any|all|both|one|a|of|every)\s+)*(?:\w+\s+)?"
    rf"{_SENSOR}\s+(?:\w+\s+){{0,3}}?(?!on\s+the\b){_STATE}\b",
    rf"\b{_SENSOR}\s+(?:status|state|health|blind|working|covered|muted|dead|off)\b",
    r"\bstatus\s+of\b",
    r"(?<!what )\b(?:can|could|are|do)\s+you\s+(?:(?:able\s+to|still|really|actually|even)\s+)*"
    r"(?:see|hear|listen|listening|watch|watching|record|recording|monitoring|sense)"
    rf"(?:\s+(?:me|us|to|the|any|{_MEDIUM}|properly|well|everything|at\s+all|and|or|hear|see))*\W*$",
    rf"\b(?:which|what|how\s+many)\s+(?:of\s+)?(?:your\s+|the\s+|kinds?\s+of\s+)?{_SENSOR}\b",
    rf"\b(?:is|are|was|were)\s+there\s+(?:an?\s+|any\s+)?(?:working\s+)?"
    rf"(?:{_SENSOR}\b|{_MEDIUM}\s+(?:track|stream|input|feed)\b|(?:picture|image|video|vision)\W*$)",
    rf"\b(?:have|has|got|includes?|contains?)\s+(?:an?\s+|any\s+|no\s+)?"
    rf"(?:{_SENSOR}|{_MEDIUM}(?:\s+track|\s+stream)?)\W*$",
    rf"\bis\s+(?:the\s+)?{_MEDIUM}\s+(?:being\s+)?(?:on|off|recorded|working|missing|available|there)\b",
    r"\b(?:could|can|did)(?:n't|\s+not)?\s+you\s+(?:not\s+)?see\s+(?:nothing|anything\s+at\s+all)\b",
    r"\b(?:could|can)(?:n't\s+you|\s+you\s+not)\s+(?:see|hear)\b",
    r"\b(?:lose|lost|losing)\s+(?:your\s+)?(?:sight|vision|hearing)\b|\bwere\s+you\s+(?:\w+\s+)?(?:blind|deaf)\b",
    r"\bare\s+you\s+(?:blind|deaf|ok|okay|alive|working|online|there|awake|recording|listening|watching)\b",
    r"\bis\s+(?:it|this)\s+recording\b",
    r"\bis\s+everything\s+(?:still\s+)?(?:working|ok|okay|fine|alright|online|running|up)\b",
    rf"\b(?:does|do|did|is|are|has|have)\s+(?:\w+\s+){{1,3}}?{_SENSOR}\s+(?:still\s+)?"
    r"(?:giv\w+|send\w*|sent|deliver\w*|produc\w+|provid\w+)\s+(?:\w+\s+)?(?:samples?|data|anything|something|measurements?)\b",
    rf"\bdid\s+(?:\w+\s+){{1,2}}?{_SENSOR}\s+(?:ever\s+)?(?:stop|end|fail|die|break|disconnect|drop\s+out)\b"
    r"(?:\s+(?:working|(?:giving|sending|delivering)\s+(?:samples|data)))?\W*$",
    rf"\bhow\s+long\s+(?:is|was)\s+(?:the|this)\s+(?:whole\s+|entire\s+)?{_WHOLE}\b",
    r"\bhow\s+long\s+(?:have|did)\s+you\s+(?:been\s+)?(?:watch|listen|record|runn?)\w*",
    rf"\b(?:length|duration)\s+of\s+the\s+{_WHOLE}\b",
)
_PICTURE = either(*sorted(vocab.PICTURE | {"scene", "scenes", "shot"}))
_CHANGE = either(*sorted(vocab.CHANGE | {"jump", "jumps", "jumped"}))
_ASKS_SCENE = either(
    r"\bcuts?\b(?!\s+off)",
    r"\bshots\b|\bscenes\b|\btransitions?\b",
    rf"\b{_PICTURE}\s+(?:\w+\s+){{0,2}}?{_CHANGE}\b",
    rf"\b{_CHANGE}\s+(?:of|in|to|from|the)?\s*(?:(?:an?|the|another|one|new)\s+)*{_PICTURE}\b",
    r"\b(?:new|another|different|next)\s+(?:scene|shot)\b",
)
_THING = either(*sorted((vocab.OBJECTS | vocab.PEOPLE) - vocab.PRONOUNS), "something", "anything")
# Verbs that mean movement only with a particle: "go" alone is in "what is going on".
_GOES = either(
    r"\b(?:go(?:es|ing)?|went|gone|c[ao]mes?|coming|came|gets?|got|turn(?:s|ed)?)\s+(?:\w+\s+)?"
    r"(?:by|past|through|in|into|inside|out|outside|across|along|away|around|over|up|down|from|back)\b",
    r"\b(?:show(?:s|ed|n|ing)?|turn(?:s|ed)?|pop(?:s|ped)?)\s+up\b",
    rf"\b(?:direction|way|where|side|edge|corner)\b{AMID}\b(?:c[ao]mes?|coming|go|goes|going|went)\b",
    rf"\b{_THING}\s+(?:\w+\s+)?(?:c[ao]mes?|went|gone|goes)\b",
    r"\bleft\s+(?:the|it|again|through)\b",
    r"\b(?:he|she|they|it|somebody|someone|anybody|anyone|people|person|cars?|man|woman)\s+left\b(?!\s+side)",
)


_PAUSES = frozenset({"pause", "pauses", "paused", "pausing"})


def find_about(text: str, found: set[str], *, has_content: bool, has_residue: bool) -> About | None:
    """Return the sense, None where no word points at one; `has_residue` says that words are left beside cues."""
    is_motion = bool(found & vocab.MOTION) or has(_GOES, text)
    is_speech = has_content or bool(found & vocab.SPEECH)
    is_heard, is_seen = bool(found & vocab.HEARD), bool(found & vocab.SEEN)
    if not has_content and has(_ASKS_SENSORS, text):
        return "sensors"
    if is_speech and is_motion and not has_content and has(r"\b(?:or|and)\b", text):
        return "anything"
    if has_content:
        return "speech"
    if is_motion and _PAUSES >= found & vocab.QUIET != set():  # "a pause in which nobody moved"
        return "motion"
    if found & vocab.QUIET:
        return "heard"
    if is_speech:
        return "speech"
    if found & vocab.SOUND and (not is_motion or is_heard or "sound" in text):
        return "sound"
    if has(_ASKS_SCENE, text):
        return "scene"
    if is_motion or found & vocab.STILL:
        return "motion"
    if is_heard != is_seen:
        return "heard" if is_heard else "seen"
    if found & vocab.CHANGE:
        return "seen"
    if found & vocab.SIDES.keys() and found & (vocab.PICTURE | {"side", "half", "part"}) and not has_residue:
        return "motion"
    is_open = bool(found & vocab.HAPPEN) or is_heard
    return "anything" if is_open and not has_residue else None
