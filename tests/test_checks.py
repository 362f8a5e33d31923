"""One message form for all input errors."""

import pytest

from vspwlib.checks import (
    InputError,
    check_choice,
    check_folder,
    check_keys,
    check_name,
    check_range,
    check_shape,
    fail,
)


def test_the_message_has_all_parts():
    with pytest.raises(InputError) as caught:
        fail("mask", expected="one channel", got="3", where="a.png", fix="re-save it.")
    assert str(caught.value) == "mask: expected one channel, got 3 (a.png). Fix: re-save it."


@pytest.mark.parametrize("value", [-1, 11, float("nan")])
def test_ranges_refuse(value):
    with pytest.raises(InputError, match="expected 0 to 10"):
        check_range("x", value, 0, 10)


def test_open_ranges_accept():
    check_range("x", 10**9, 0)
    check_range("x", -5, None, 0)


def test_letters_bind_sizes():
    check_shape("x", (3, 3), ("N", "N"))
    with pytest.raises(InputError, match=r"shape \(N, N\), got \(3, 4\)"):
        check_shape("x", (3, 4), ("N", "N"))


def test_choices_without_a_near_one_list_all():
    with pytest.raises(InputError, match=r"one of a, b, got .zzz.\. Fix: choose"):
        check_choice("x", "zzz", ["b", "a"])


def test_folders_say_what_stands_there(tmp_path):
    assert check_folder("data", tmp_path) == tmp_path
    (tmp_path / "f").touch()
    with pytest.raises(InputError, match="got a file"):
        check_folder("data", tmp_path / "f")
    with pytest.raises(InputError, match="nothing there"):
        check_folder("data", tmp_path / "g")


def test_missing_keys_are_named():
    with pytest.raises(InputError, match="got no b, c"):
        check_keys("score", {"a": 1}, ["a", "b", "c"])


@pytest.mark.parametrize("name", ["a", "mini-x-s0", "große 3", "a.b"])
def test_names_of_folders_pass(name):
    assert check_name("run", name) == name


@pytest.mark.parametrize("name", ["", " ", "-rf", "--name", ".", "..", ".hidden", "a/b", "/a", "a ", "a\nb"])
def test_names_that_are_options_or_paths_are_refused(name):
    with pytest.raises(InputError, match="run: expected a name that can be a folder's"):
        check_name("run", name)
