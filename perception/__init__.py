"""From sensor to what was seen, heard and sensed: sources, decoders, encoders, speech, service."""
