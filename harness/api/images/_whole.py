"""Whether the file of a video is all there, by what its container says of its own length.

FFmpeg decodes what is left of a file that was cut, and says nothing. Containers that are made to be cut (MPEG streams,
Ogg) and GIFs say no length.
"""

from __future__ import annotations


def is_cut(raw: bytes, kind: str) -> bool:
    """Whether bytes are missing at the end. No, where the container does not say.

    Args:
        raw: The bytes of the file.
        kind: FFmpeg's name of the container's reader.
    """
    match kind:
        case "avi":  # "RIFF", then the length of all that follows
            return 8 + int.from_bytes(raw[4:8], "little") > len(raw)
        case "matroska":
            return _ends_within_segment(raw)
        case "mov":
            return _ends_within_box(raw)
    return False


def _ends_within_box(raw: bytes) -> bool:
    """ISO/IEC 14496-12, section 4.2: a file is a row of boxes, each with its length and its name first."""
    place = 0
    while place + 8 <= len(raw):
        length = int.from_bytes(raw[place : place + 4])
        if length == 1 and place + 16 <= len(raw):  # a longer one, whose length follows the name
            length = int.from_bytes(raw[place + 8 : place + 16])
        if length < 8:  # 0: to the end of the file, as in a recording that was not closed
            return False
        place += length
    return place > len(raw)


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
