"""AudioSocket's frames, however the network cuts them."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ari_app.media.frames import FrameReader, frame

FRAMES = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=70)), max_size=8)


@given(FRAMES, st.lists(st.integers(0, 600), max_size=12))
def test_frames_come_out_as_they_went_in_wherever_they_are_cut(
    frames: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    sent = b"".join(frame(kind, payload) for kind, payload in frames)
    edges = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    reader = FrameReader()
    got = [one for start, end in itertools.pairwise(edges) for one in reader.feed(sent[start:end])]
    assert got == frames
    assert not reader.pending


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_no_bytes_break_the_reader(pieces: list[bytes]) -> None:
    reader = FrameReader()
    whole = 0
    for piece in pieces:
        whole += sum(3 + len(payload) for _, payload in reader.feed(piece))
    sent = sum(map(len, pieces))
    assert whole <= sent < whole + 3 + 65_536
