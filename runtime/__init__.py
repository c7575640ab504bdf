"""The floor: messages, wire, bus, queues, services, configuration, time, record and replay, errors."""
