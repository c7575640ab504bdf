"""Attention blocks of which the encoders are made: one file per box of a paper's figure.

window, channel, dual              the dual block (DaViT): windows of space, then groups of channels
causalconv, causalwindow,
causalchannel, causaldual          the same over time, frame by frame, with a state of constant size
"""
