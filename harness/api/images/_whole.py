"""Whether the file of a video is all there, by what its container says of its own length.

FFmpeg decodes what is left of a file that was cut, and says nothing. A container is a row of parts that say their own
lengths, and often its own as well. Where it does not, as in FLV, MPEG and a recording that was not closed, a cut
between two parts is not seen. The same holds for an MP4 in fragments that has no index of them.
"""

from __future__ import annotations

from collections.abc import Callable

_MEDIA = frozenset({b"mdat", b"moov", b"moof", b"mfra", b"sidx", b"styp", b"meta"})
"""Boxes that a video needs. One that is cut is missed."""
_MOST_BOXES = 100_000
_UNKNOWN = (0, 0xFFFFFFFF)
"""What an AVI says whose writer could not go back to its beginning, as of a stream, or was killed."""
_SLACK = 8
"""Bytes by which writers of AVI miscount: the head of the file, and a byte that makes a length even."""
_TAGS = (8, 9, 18)
"""What an FLV holds: sound, pictures, and a script."""


def is_cut(raw: bytes, kind: str) -> bool:
    """Whether bytes are missing at the end. No, where the container does not say.

    Args:
        raw: The bytes of the file.
        kind: FFmpeg's name of the container's reader.
    """
    return kind in _READERS and _READERS[kind](raw)


def _number(raw: bytes, place: int, width: int) -> int:
    """A big-endian number; what is missing of it counts as 0."""
    return int.from_bytes(raw[place : place + width].ljust(width, b"\0"))


def _ends_within_riff(raw: bytes) -> bool:
    """An AVI: `RIFF`, then the length of all that follows."""
    length = int.from_bytes(raw[4:8], "little")
    return length not in _UNKNOWN and 8 + length > len(raw) + _SLACK


def _ends_within_box(raw: bytes) -> bool:
    """ISO/IEC 14496-12, section 4.2: a file is a row of boxes, each with its length and its name first."""
    place = 0
    for _ in range(_MOST_BOXES):
        length, name = int.from_bytes(raw[place : place + 4]), raw[place + 4 : place + 8]
        if length == 1 and place + 16 <= len(raw):  # a longer one, whose length follows the name
            length = int.from_bytes(raw[place + 8 : place + 16])
        if length < 8:  # 0: to the end of the file, as in a recording that was not closed
            return False
        if name == b"sidx" and _end_of_fragments(raw[place : place + length], place + length) > len(raw):
            return True
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


def _end_of_fragments(index: bytes, after: int) -> int:
    """ISO/IEC 14496-12, section 8.16.3: where the fragments end that an index lists.

    Args:
        index: The box `sidx`.
        after: Place of the first byte after it, from which fragments are counted.
    """
    wide = 8 if index[8:9] == b"\1" else 4  # of a time and an offset, by the version of the box
    count = _number(index, 20 + 2 * wide + 2, 2)
    first = _number(index, 20 + wide, wide)
    # The highest bit of a size says whether it is that of another index, which covers its own fragments.
    sizes = (_number(index, 24 + 2 * wide + 12 * number, 4) & 0x7FFFFFFF for number in range(count))
    return after + first + sum(sizes)


def _ends_within_gif(raw: bytes) -> bool:
    """The specification of GIF89a: blocks, and a last byte `;`, which is missing where a whole frame is."""

    def table(flags: int) -> int:
        """Bytes of a table of colours."""
        return 3 << (flags & 7) + 1 if flags & 0x80 else 0

    place = 13 + table(_number(raw, 10, 1))
    while place < len(raw):
        match raw[place]:
            case 0x3B:
                return False
            case 0x21:  # an extension and its label
                place += 2
            case 0x2C:  # a picture: its place and size, its colours, and the size of a code
                place += 11 + table(_number(raw, place + 9, 1))
            case _:
                return False  # FFmpeg says what is wrong
        while _number(raw, place, 1):
            place += 1 + raw[place]
        place += 1
    return True


def _ends_within_page(raw: bytes) -> bool:
    """RFC 3533: an Ogg file is a row of pages with the lengths of their segments; a stream's last one is marked."""
    place, open_streams = 0, set[bytes]()
    while raw[place : place + 4] == b"OggS":
        stream, ended = raw[place + 14 : place + 18], _number(raw, place + 5, 1) & 4
        (open_streams.discard if ended else open_streams.add)(stream)
        segments = _number(raw, place + 26, 1)
        place += 27 + segments + sum(raw[place + 27 : place + 27 + segments])
    rest = raw[place : place + 4]  # of the next page, or what was put after the last one
    return place > len(raw) or (b"OggS".startswith(rest) and bool(rest or open_streams))


def _ends_within_tag(raw: bytes) -> bool:
    """Adobe's specification of FLV, version 10.1: a header, then tags, and after each its length in four bytes."""
    place = _number(raw, 5, 4) + 4
    while place < len(raw) and raw[place] & 0x1F in _TAGS:
        place += 11 + _number(raw, place + 1, 3) + 4
    return place > len(raw) + 4  # a last tag without its length after it is whole


def _ends_within_packet(raw: bytes) -> bool:
    """ISO/IEC 13818-1, section 2.4.3: packets of 188 bytes, or of 204 with a code that corrects errors."""
    size = 204 if raw[188:189] != b"\x47" == raw[204:205] else 188
    rest = len(raw) % size
    return rest > 0 and raw[len(raw) - rest] == 0x47


def _ends_within_pack(raw: bytes) -> bool:
    """ISO/IEC 13818-1, section 2.5.3: heads of packs, and packets with their lengths."""
    place = 0
    while raw[place : place + 3] == b"\0\0\1":
        code = _number(raw, place + 3, 1)
        if code == 0xB9:  # the end of a program, after which another may begin
            place += 4
        elif code == 0xBA:  # of MPEG-2 with stuffing, or of MPEG-1
            place += 14 + (_number(raw, place + 13, 1) & 7) if _number(raw, place + 4, 1) >> 6 == 1 else 12
        else:
            place += 6 + _number(raw, place + 4, 2)
    return place > len(raw)


_READERS: dict[str, Callable[[bytes], bool]] = {
    "avi": _ends_within_riff,
    "flv": _ends_within_tag,
    "gif": _ends_within_gif,
    "matroska": _ends_within_segment,
    "mov": _ends_within_box,
    "mpeg": _ends_within_pack,
    "mpegts": _ends_within_packet,
    "ogg": _ends_within_page,
}
