"""Attention blocks of which the encoders are made: one file per box of a paper's figure.

window, channel, dual              the dual block (DaViT): windows of space, then groups of channels
causalconv, causalwindow,
causalchannel, causaldual          the same over time, frame by frame, with a state of constant size
selfattention, rollout, glca       plain blocks, what the class token drew from, a closer look at that (DCAL)
pairwise                           another row's tokens as distractors, in training only (DCAL)
feedforward, droppath              small parts of the above
"""
