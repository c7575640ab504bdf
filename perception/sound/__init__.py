"""Sound: samples at 16 kHz in, tokens and the names of known sounds out.

logmel        samples -> levels in mels every 20 ms, against a running top
encoder       levels -> convolutions -> dual blocks causal in time -> a token every 160 ms; a head for what is heard
plain         the plain baseline: four convolutions over a whole clip
clips         labelled clips in folders (ESC-10), at several speeds
strangers     made-up sounds that are none of the known ones
lessons       what the training loop learns from clips, and which of them are held out
weights       a trained model in one file
tags          the leaf: blocks with their times in, named sounds out
"""
