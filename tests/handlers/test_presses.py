"""Callback data of every kind of button, read back without trust."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram.constants import InlineKeyboardButtonLimit

import handlers
from handlers.account.settings import SetDefault, choices
from handlers.replies.keyboards import CallbackData, encode_value
from tests.handlers.shared import OFFER

ROOMS = [
    importlib.import_module(module.name)
    for module in pkgutil.walk_packages(handlers.__path__, "handlers.")
]
PRESSES = sorted(
    {
        value
        for room in ROOMS
        for value in vars(room).values()
        if isinstance(value, type) and issubclass(value, CallbackData) and value is not CallbackData
    },
    key=lambda press: press.prefix,
)

FIELDS = {
    "int": st.integers(0, 10**8),
    "str": st.text(st.characters(codec="ascii", exclude_characters=":"), max_size=6),
}


def presses(kind: type[CallbackData]) -> st.SearchStrategy[CallbackData]:
    return st.builds(kind, *(FIELDS[str(field.type)] for field in dataclasses.fields(kind)))


def test_every_prefix_belongs_to_one_codec() -> None:
    prefixes = [press.prefix for press in PRESSES]
    assert len(prefixes) == len(set(prefixes))


@pytest.mark.parametrize("kind", PRESSES)
def test_a_press_is_read_back_as_it_was_made(kind: type[CallbackData]) -> None:
    @given(presses(kind))
    def reads_back(press: CallbackData) -> None:
        assert kind.decode(press.encode()) == press

    reads_back()


@pytest.mark.parametrize("kind", PRESSES)
def test_a_press_fits_a_button(kind: type[CallbackData]) -> None:
    @given(presses(kind))
    def fits(press: CallbackData) -> None:
        assert len(press.encode().encode()) <= InlineKeyboardButtonLimit.MAX_CALLBACK_DATA

    fits()


@pytest.mark.parametrize("kind", PRESSES)
def test_no_two_codecs_take_the_same_press(kind: type[CallbackData]) -> None:
    @given(presses(kind))
    def is_taken_once(press: CallbackData) -> None:
        data = press.encode()
        assert [other for other in PRESSES if other.decode(data)] == [kind]

    is_taken_once()


@given(
    st.one_of(
        st.text(),
        st.builds(
            ":".join,
            st.lists(
                st.one_of(
                    st.sampled_from([press.prefix for press in PRESSES]),
                    st.text(max_size=80),
                    st.integers().map(str),
                ),
                max_size=5,
            ),
        ),
        st.text(st.characters(categories=["Cs"]), min_size=1).map(lambda text: f"set:1:a:{text}"),
    )
)
def test_whatever_a_client_makes_up_is_read_or_refused(data: str) -> None:
    for kind in PRESSES:
        read = kind.decode(data)
        assert read is None or read.encode() == data


@pytest.mark.parametrize("data", [None, 7, b"set:1:a:b", object()])
def test_what_is_no_text_is_no_press(data: object) -> None:
    assert not any(kind.decode(data) for kind in PRESSES)


def test_every_setting_on_offer_fits_a_button() -> None:
    for family in OFFER:
        press = SetDefault(2**52, "family", encode_value(family.name))
        assert SetDefault.decode(press.encode()) == press
        for mode in filter(None, (family.t2v, family.i2v)):
            for field, offered in choices(mode).items():
                for value in offered:
                    press = SetDefault(2**52, field, encode_value(value))
                    assert SetDefault.decode(press.encode()) == press
