"""Requests and models against Asterisk's own description of ARI, as the installed Asterisk ships it."""

from __future__ import annotations

import inspect
import json
import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from ari_app.client import AriClient, Event
from ari_app.client import models as answer_models
from ari_app.client.events import TYPES
from ari_app.client.models import Model
from tests.ari_app.client.conftest import PASSWORD, USER, FakeAri, Request

REPOSITORY = Path(__file__).resolve().parents[3]
FOLDERS = (
    Path(os.environ.get("ASTERISK_ROOT") or REPOSITORY / "var/asterisk-root", "usr/share/asterisk/rest-api"),
    Path("/usr/share/asterisk/rest-api"),
    Path("/var/lib/asterisk/rest-api"),
)
NOT_REQUESTS = {"close", "open_events"}
ANYTHING = {
    "id": "x",
    "name": "x",
    "value": "x",
    "system": {"version": "22.10.1"},
    "target_uri": "channel:x",
}
"""An answer that every model takes."""

Call = Callable[[AriClient], Awaitable[Any]]

SHORTEST: dict[str, Call] = {
    "list_applications": lambda c: c.list_applications(),
    "get_application": lambda c: c.get_application("a"),
    "asterisk_info": lambda c: c.asterisk_info(),
    "ping": lambda c: c.ping(),
    "get_global_variable": lambda c: c.get_global_variable("v"),
    "set_global_variable": lambda c: c.set_global_variable("v", "x"),
    "list_channels": lambda c: c.list_channels(),
    "get_channel": lambda c: c.get_channel("a"),
    "originate": lambda c: c.originate("Local/1@x"),
    "create_channel": lambda c: c.create_channel("Local/1@x", "app"),
    "dial": lambda c: c.dial("a"),
    "external_media": lambda c: c.external_media("app"),
    "answer": lambda c: c.answer("a"),
    "ring": lambda c: c.ring("a"),
    "ring_stop": lambda c: c.ring_stop("a"),
    "hangup": lambda c: c.hangup("a"),
    "continue_in_dialplan": lambda c: c.continue_in_dialplan("a"),
    "redirect": lambda c: c.redirect("a", "PJSIP/b"),
    "get_variable": lambda c: c.get_variable("a", "v"),
    "set_variable": lambda c: c.set_variable("a", "v", "x"),
    "mute": lambda c: c.mute("a"),
    "unmute": lambda c: c.unmute("a"),
    "start_moh": lambda c: c.start_moh("a"),
    "stop_moh": lambda c: c.stop_moh("a"),
    "send_dtmf": lambda c: c.send_dtmf("a", "1"),
    "play": lambda c: c.play("a", "sound:x"),
    "list_bridges": lambda c: c.list_bridges(),
    "get_bridge": lambda c: c.get_bridge("b"),
    "create_bridge": lambda c: c.create_bridge(),
    "destroy_bridge": lambda c: c.destroy_bridge("b"),
    "add_channel": lambda c: c.add_channel("b", "a"),
    "remove_channel": lambda c: c.remove_channel("b", "a"),
    "play_on_bridge": lambda c: c.play_on_bridge("b", "sound:x"),
    "stop_playback": lambda c: c.stop_playback("p"),
    "start_bridge_moh": lambda c: c.start_bridge_moh("b"),
    "stop_bridge_moh": lambda c: c.stop_bridge_moh("b"),
    "record_bridge": lambda c: c.record_bridge("b", "r"),
    "get_live_recording": lambda c: c.get_live_recording("r"),
    "stop_recording": lambda c: c.stop_recording("r"),
}
"""Every method with what it cannot do without."""

VALUES: dict[str, Any] = {
    "variables": {"A": "1"},
    "formats": ("slin16", "ulaw"),
    "type": "mixing,dtmf_events",
    "direction": "both",
    "transport": "tcp",
    "encapsulation": "audiosocket",
    "connection_type": "client",
    "if_exists": "overwrite",
    "terminate_on": "#",
    "reason": "busy",
}
"""Arguments that only some values fit."""

TYPE_OF = {"string": str, "int": int, "long": int, "boolean": bool, "containers": dict}


def described(name: str) -> dict[str, Any]:
    for folder in FOLDERS:
        if (path := folder / f"{name}.json").exists():
            text: dict[str, Any] = json.loads(path.read_text())
            return text
    pytest.fail("Asterisk's description of ARI (rest-api/*.json) is missing: run `make system-test`", pytrace=False)


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    """Every operation by method and path, where each id is ``{}``."""
    return {
        (operation["httpMethod"], re.sub(r"\{\w+\}", "{}", api["path"])): operation
        for resource in ("applications", "asterisk", "bridges", "channels", "playbacks", "recordings")
        for api in described(resource)["apis"]
        for operation in api["operations"]
    }


def operation_of(request: Request) -> dict[str, Any]:
    """The operation a request is for: a literal path before one with ids, as Asterisk does."""
    path = request.path.removeprefix("/ari")
    fitting = [
        (template.count("{}"), operation)
        for (method, template), operation in operations().items()
        if method == request.method and re.fullmatch(template.replace("{}", "[^/]+"), path)
    ]
    assert fitting, f"Asterisk has no {request.method} {path}"
    operation: dict[str, Any] = min(fitting, key=lambda each: each[0])[1]
    return operation


def full_call(name: str, client: AriClient) -> Awaitable[Any]:
    """Call a method with every argument it has."""
    method = getattr(client, name)
    positional, named = [], {}
    for argument in inspect.signature(method).parameters.values():
        annotation = str(argument.annotation)
        value = VALUES.get(argument.name, 7 if "int" in annotation else True if "bool" in annotation else "text")
        if name == "create_bridge" and argument.name == "type":
            value = "holding"
        if argument.kind is argument.VAR_POSITIONAL:
            positional += [value, value]
        elif argument.kind is argument.KEYWORD_ONLY:
            named[argument.name] = value
        else:
            positional.append(value)
    result: Awaitable[Any] = method(*positional, **named)
    return result


async def answer_all(request: Request) -> web.StreamResponse:
    many = operation_of(request)["responseClass"].startswith("List[")
    return web.json_response([ANYTHING] if many else ANYTHING)


async def sent_by(ari: FakeAri, call: Call) -> Request:
    ari.answer = answer_all
    async with AriClient(ari.url, USER, PASSWORD) as client:
        await call(client)
    assert len(ari.requests) == 1, "one method, one request"
    return ari.requests[0]


def test_every_method_is_looked_at() -> None:
    public = {
        name
        for name, _ in inspect.getmembers(AriClient, inspect.iscoroutinefunction)
        if not name.startswith("_") and name not in NOT_REQUESTS
    }
    assert public == set(SHORTEST)


@pytest.mark.parametrize("every_argument", [False, True], ids=["shortest", "every argument"])
@pytest.mark.parametrize("name", SHORTEST)
async def test_a_request_is_one_asterisk_describes(ari: FakeAri, name: str, every_argument: bool) -> None:
    request = await sent_by(ari, (lambda client: full_call(name, client)) if every_argument else SHORTEST[name])
    operation = operation_of(request)
    parameters = {each["name"]: each for each in operation.get("parameters", []) if each["paramType"] != "path"}

    assert not (request.query and request.body)
    if request.method == "POST":
        assert not request.query, "what is sent stands in no URL"
    given = {**request.query, **request.body}
    assert given.keys() <= parameters.keys()
    assert {each for each, about in parameters.items() if about.get("required")} <= given.keys()
    for each, value in request.body.items():
        about = parameters[each]
        wanted = list if about.get("allowMultiple") else TYPE_OF[about["dataType"]]
        assert isinstance(value, wanted), f"{each} is sent as {type(value).__name__}"
        assert not (wanted is int and isinstance(value, bool))
        allowed = about.get("allowableValues", {})
        if allowed.get("valueType") == "LIST" and each != "type":
            assert value in allowed["values"]


@pytest.mark.parametrize("name", SHORTEST)
async def test_a_method_returns_what_asterisk_answers(ari: FakeAri, name: str) -> None:
    """The model is named like the one described, `Variable` comes as its value and `void` as None."""
    described_as = operation_of(await sent_by(ari, SHORTEST[name]))["responseClass"]
    returned = str(inspect.signature(getattr(AriClient, name)).return_annotation)
    assert returned == {"void": "None", "Variable": "str"}.get(described_as, described_as.replace("List", "list"))


def literal_choices(name: str, argument: str) -> set[str]:
    annotation = inspect.signature(getattr(AriClient, name), eval_str=True).parameters[argument].annotation
    return set(re.findall(r"'([^']+)'", str(annotation)))


@pytest.mark.parametrize(
    ("name", "argument", "operation", "parameter"),
    [
        ("hangup", "reason", ("DELETE", "/channels/{}"), "reason"),
        ("mute", "direction", ("POST", "/channels/{}/mute"), "direction"),
        ("external_media", "transport", ("POST", "/channels/externalMedia"), "transport"),
        ("external_media", "encapsulation", ("POST", "/channels/externalMedia"), "encapsulation"),
        ("external_media", "connection_type", ("POST", "/channels/externalMedia"), "connection_type"),
        ("record_bridge", "if_exists", ("POST", "/bridges/{}/record"), "ifExists"),
        ("record_bridge", "terminate_on", ("POST", "/bridges/{}/record"), "terminateOn"),
    ],
)
def test_choices_are_asterisks(name: str, argument: str, operation: tuple[str, str], parameter: str) -> None:
    described_one = next(each for each in operations()[operation]["parameters"] if each["name"] == parameter)
    assert literal_choices(name, argument) == set(described_one["allowableValues"]["values"])


def fields_of(name: str, models: dict[str, Any]) -> dict[str, Any]:
    """A described model's fields with those it inherits."""
    fields = dict(models[name]["properties"])
    for parent, about in models.items():
        if name in about.get("subTypes", []):
            fields = {**fields_of(parent, models), **fields}
    return fields


def check_model(model: type[Model], fields: dict[str, Any]) -> None:
    assert model.model_fields.keys() <= fields.keys(), "a field that Asterisk does not send"
    for field, about in model.model_fields.items():
        if about.is_required():
            assert fields[field]["required"], f"{field} may be missing"


MODELS = {
    model.__name__: model
    for _, model in inspect.getmembers(answer_models, inspect.isclass)
    if issubclass(model, Model) and model is not Model
}


@pytest.mark.parametrize("name", MODELS)
def test_an_answers_fields_are_asterisks(name: str) -> None:
    for resource in ("applications", "asterisk", "bridges", "channels", "playbacks", "recordings"):
        models = described(resource)["models"]
        if name in models:
            check_model(MODELS[name], fields_of(name, models))
            return
    pytest.fail(f"Asterisk has no {name}")


@pytest.mark.parametrize("name", TYPES)
def test_an_events_fields_are_asterisks(name: str) -> None:
    model: type[Event] = TYPES[name]
    check_model(model, fields_of(name, described("events")["models"]))


def test_the_event_socket_takes_the_application_as_we_send_it() -> None:
    api = next(each for each in described("events")["apis"] if each["path"] == "/events")
    assert "app" in {each["name"] for each in api["operations"][0]["parameters"]}
