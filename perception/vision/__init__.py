"""Seeing: a picture becomes tokens, boxes with names, or a sentence.

davit, weights     DaViT, and its published weights
pixels             pictures as models take them
encoder            the video encoder: frames in, tokens out, with a state over time
"""
