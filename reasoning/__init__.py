"""From question and memory to a grounded answer: turns, backends and the service that runs them.

The `evidence` backend, a path of pure functions, in this order:

    understand   question -> Question      by parts, spelling, quoted, references, asides, rivals, anchors, timewords,
                                           lengths, topics, polarity, asks, settle, unknowable; senses, ways, amounts,
                                           numbers, timerules, besides, timepoints, patterns and vocabulary are what
                                           these are written with
    plan         Question -> Recall        the one round trip to memory
    present      Recalled -> Recalled      with what goes on now, of which no record tells yet; and what is over by now
    view         Recalled -> View          windows and episodes (match for words, episodes for pieces)
    named        Recalled -> Recalled      of the one camera or microphone that is named
    coverage     View -> what was watched, stream by stream
    doubts       why an answer would not be honest, and what is said beside one that is
    evidence     View -> Composed          by answers, absence, order and sensors, in the words of phrases and wording,
                                           into a draft that keeps facts and their evidence together

What answers, and what is around it:

    backend      Case -> Composed          the protocol, and the evidence backend
    prompt, brief  Case -> Prompt          what a language model is told, within a budget
    watching     the transformers backend: `lmm` watches, speaks, and tells what it looked at (tied)
    remote       the openai backend: completions asks a server, sentences cite what they rest on
    spoken       Claims -> Composed        supported, marked or not said at all
    frames, eyes  frames in between questions, and none after one; pictures fetches those of earlier
    rules, standing  requests that stand: what is new every second, and alerts
    recalls      one session's way to memory; pending, a question on its way
    service      asks and rules on the bus, answers and alerts on the bus
"""
