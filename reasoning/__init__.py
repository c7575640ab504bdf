"""From question and memory to a grounded answer: turns, backends and the service that runs them.

The `evidence` backend, a path of pure functions, in this order:

    understand   question -> Question      by quoted, anchors, timewords, topics, unknowable; numbers, timepoints,
                                           patterns and vocabulary are what these are written with
    plan         Question -> Recall        the one round trip to memory
    view         Recalled -> View          windows and episodes (match for words, episodes for pieces)
    evidence     View -> Composed          by answers, absence and sensors, in the words of phrases and wording,
                                           into a draft that keeps facts and their evidence together
    service      asks on the bus, answers on the bus
"""
