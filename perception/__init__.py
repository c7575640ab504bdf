"""Sensor to percept: what was seen, heard and said, with its times.

media, camera, microphone, sources      where samples come from; demux, mediaclock, blocks under them
change, regions, motion, keyframes      what changed in the picture, what moved, which frames are kept
vad, asr, spelling, loudness            who spoke when, in which words, and which other sounds stood out
blindness                               when a sensor perceives nothing
picture                                 thumbnails and JPEG
recorded, recording, places             streams of a recording, what it holds, where its sensors sit
events/                                 event cameras: readers, maps, what moves, an encoder
tracking/                               what a radar follows, without learning
attention/                              blocks that the encoders are made of, each with its paper
vision/, sound/, radar/                 encoders, detectors and captioners of pictures; named sounds; activities
fusion/                                 tokens of all sensors on one clock as one scene, and heads that read it
learn/, weights/                        the one training loop; what ships, each with its card
yard/                                   a world with known truth
video, audio                            one stream of each, from samples to records
service                                 runs them all and publishes
"""
