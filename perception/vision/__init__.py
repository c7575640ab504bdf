"""Seeing: a picture becomes tokens, boxes with names, or a sentence.

davit, weights          DaViT, and its published weights
pixels                  frames as our own models take them
encoder, published      the video encoder: frames in, tokens out, with a state over time; one from a published folder
packing, networks       pictures as published models want them, and those models loaded whole
seen, detector          boxes with names: RT-DETR and its kin, OWLv2
captioner               sentences, and boxes too: Florence-2
looking                 which pictures a slow model looks at, and its messages
"""
