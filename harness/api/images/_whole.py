"""Whether the file of a video is all there, by what its container says of its own length.

FFmpeg decodes what is left of a file that was cut, and says nothing. Nothing is said here either of MPEG streams, Ogg,
FLV and GIF, of recordings that say no length, and of an MP4 in fragments that was cut between two of them.
"""

from __future__ import annotations

_MEDIA = frozenset({b"mdat", b"moov", b"moof", b"mfra", b"sidx", b"styp", b"meta"})
"""Boxes that a video needs. One that is cut is missed."""
_MOST_BOXES = 100_000
_UNKNOWN = (0, 0xFFFFFFFF)
"""What an AVI says whose writer could not go back to its beginning, as of a stream, or was killed."""
_SLACK = 8
"""Bytes by which writers of AVI miscount: the head of the file, and a byte that makes a length even."""


def is_cut(raw: bytes, kind: str) -> bool:
    """Whether bytes are missing at the end. No, where the container does not say.

    Args:
        raw: The bytes of the file.
        kind: FFmpeg's name of the container's reader.
    """
    match kind:
        case "avi":  # "RIFF", then the length of all that follows
            length = int.from_bytes(raw[4:8], "little")
            return length not in _UNKNOWN and 8 + length > len(raw) + _SLACK
        case "matroska":
            return _ends_within_segment(raw)
        case "mov":
            return _ends_within_box(raw)
    return False


def _ends_within_box(raw: bytes) -> bool:
    """ISO/IEC 14496-12, section 4.2: a file is a row of boxes, each with its length and its name first."""
    place = 0
    for _ in range(_MOST_BOXES):
        length, name = int.from_bytes(raw[place : place + 4]), raw[place + 4 : place + 8]
        if length == 1 and place + 16 <= len(raw):  # a longer one, whose length follows the name
            length = int.from_bytes(raw[place + 8 : place + 16])
        if length < 8:  # 0: to the end of the file, as in a recording that was not closed
            return False
        place += length
        if place >= len(raw):
            # Cameras and servers add records of their own after the last box. These have no names of boxes.
            return place > len(raw) and name in _MEDIA
    return False


def _ends_within_segment(raw: bytes) -> bool:
    """RFC 8794 and RFC 9559: a header and then the segment, each with an identifier and its length."""
    place = 0
    for wanted in (b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"):
        if raw[place : place + 4] != wanted:
            return False
        first = raw[place + 4] if place + 4 < len(raw) else 0
        width = 9 - first.bit_length()  # as many bytes as there are zeros ahead of the first one bit, and one
        if width > 8 or place + 4 + width > len(raw):
            return False
        length = int.from_bytes(raw[place + 4 : place + 4 + width]) - (1 << 7 * width)
        if length == (1 << 7 * width) - 1:  # all ones: not known, as in a live recording
            return False
        place += 4 + width + length
    return place > len(raw)
