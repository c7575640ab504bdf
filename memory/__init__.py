"""From what was perceived to what can be recalled: window, clips, store, index, embedding, recall, service."""
