"""A private mosquitto for one measurement, with connections of ours and of bare aiomqtt."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import aiomqtt

from runtime.broker import PrivateBroker, find_mosquitto, how_to_install
from runtime.errors import MissingPart
from runtime.mqtt_bus import Address, MqttBus
from runtime.service import run_services

SESSION = "bench"
START_S = 15.0

Course = Callable[[PrivateBroker, dict[str, MqttBus]], Coroutine[Any, Any, Any]]


def over_broker(roles: tuple[str, ...], course: Course) -> Any:
    """Start a private mosquitto and one connection per role, run the course and stop everything; return its result."""
    program = find_mosquitto()
    if program is None:
        raise MissingPart("this bench needs a mosquitto", how_to_install())
    found: list[Any] = []

    async def whole(folder: Path) -> None:
        broker = PrivateBroker(folder, program)
        buses = {role: MqttBus(broker.address(role), role, SESSION) for role in roles}

        async def connected() -> None:
            await broker.ready(START_S)
            for bus in buses.values():
                await bus.ready(START_S)
            found.append(await course(broker, buses))

        await run_services([*buses.values(), broker], connected())

    logging.getLogger("mqtt").setLevel(logging.CRITICAL)  # aiomqtt repeats what our own bus reports
    with tempfile.TemporaryDirectory(prefix="heedful-bench-") as scratch:
        asyncio.run(whole(Path(scratch) / "broker"))
    return found[0]


def bare_client(address: Address) -> aiomqtt.Client:
    """Return an aiomqtt client as its documentation shows it, with TCP_NODELAY and MQTT v5."""
    return aiomqtt.Client(
        address.host,
        address.port,
        username=address.username,
        password=address.password,
        identifier=f"bare-{secrets.token_hex(4)}",  # replies go to a topic with this name in it
        protocol=aiomqtt.ProtocolVersion.V5,
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    )
