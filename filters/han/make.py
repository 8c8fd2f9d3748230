"""Writes gb2312.txt, big5.txt and big5_rare.txt: the Han characters of GB 2312 and of the two levels of Big5 in the order of their codes.

Python's codecs know them; nothing is downloaded. Run in this folder: python3 make.py
"""


def read(codec, leads, trails):
    for lead in leads:
        for trail in trails:
            try:
                yield bytes([lead, trail]).decode(codec)
            except UnicodeDecodeError:
                # An unassigned code keeps its place, so that a code is found by counting.
                yield "\u3000"


def write(path, rows, width):
    chars = "".join(rows)
    with open(path, "w", encoding="utf-8", newline="\n") as out:
        for at in range(0, len(chars), width):
            out.write(chars[at:at + width] + "\n")

write("gb2312.txt", read("gb2312", range(0xB0, 0xF8), range(0xA1, 0xFF)), 94)


def big5(leads):
    chars = "".join(read("big5", leads, [*range(0x40, 0x7F), *range(0xA1, 0xFF)]))
    return [char for char in chars if "\u4e00" <= char <= "\u9fff"]


write("big5.txt", big5(range(0xA4, 0xC7)), 100)
write("big5_rare.txt", big5(range(0xC9, 0xFA)), 100)
