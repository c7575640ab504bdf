"""From question and memory to a grounded answer: gate, prompt, backends, turns, and the service that runs them."""
