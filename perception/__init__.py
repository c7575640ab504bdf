"""Sensor to percept: what was seen, heard and said, with its times.

media, camera, microphone, sources      where samples come from; demux, mediaclock, blocks under them
change, regions, motion, keyframes      what changed in the picture, what moved, which frames are kept
vad, asr, spelling, loudness            who spoke when, in which words, and which other sounds stood out
blindness                               when a sensor perceives nothing
picture                                 thumbnails and JPEG
video, audio                            one stream of each, from samples to records
service                                 runs them all and publishes
"""
