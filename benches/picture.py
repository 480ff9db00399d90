#!/usr/bin/env python3
"""Draws the ratios in the benches' tables as bars, beside the work done by hand.

    cargo bench --bench create | tee create.txt
    cargo bench --bench bulk | tee bulk.txt
    cargo bench --bench download --features download | tee download.txt
    ./build_cost.sh 3 ours bare | tee build.txt
    ./picture.py 'A creation, time=create.txt' '1,000,000 file ids, throughput=bulk.txt' \
        'A gigabyte, throughput=download.txt' 'A cold build, time=build.txt' > ../docs/performance.svg
    ../docs/pictures.py > ../src/guide/pictures.md      # the same for rustdoc

Each argument is a title and a file. It draws every Markdown table of the file that has a column `ratio…`.
"""

import sys
from html import escape

LABELS, SCALE, ROW = 490, 260, 24


def rows(path):
    """Yields the label and the ratio of each row of the tables in a file."""
    columns = None
    for line in open(path, encoding="utf-8"):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            columns = None
        elif columns is None:
            columns = cells
        elif not set(line) <= set("|- \n"):
            ratio = next((n for n, name in enumerate(columns) if name.startswith("ratio")), None)
            texts = [n for n, name in enumerate(columns) if name in ("ids", "variant", "concurrency", "size", "what")]
            if ratio is not None and cells[ratio]:
                names = [cells[n] if columns[n] in ("variant", "what") else f"{columns[n]} {cells[n]}" for n in texts]
                yield ", ".join(names), float(cells[ratio])


def main():
    drawn, y = [], 10
    for title, path in (argument.split("=", 1) for argument in sys.argv[1:]):
        drawn.append(f'<text class="name" x="10" y="{y + 18}">{escape(title)}, by hand = 1</text>')
        y += 28
        for label, ratio in rows(path):
            drawn.append(f'<text class="note" x="20" y="{y + 16}">{escape(label)}</text>')
            drawn.append(f'<rect class="bar" x="{LABELS}" y="{y + 3}" width="{ratio * SCALE:.0f}" height="{ROW - 6}"/>')
            drawn.append(f'<text class="note" x="{LABELS + ratio * SCALE + 8:.0f}" y="{y + 16}">{ratio:.3f}</text>')
            y += ROW
        y += 12
    one = LABELS + SCALE
    print(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {one + 230} {y}" font-family="system-ui, sans-serif" '
        'font-size="13" role="img"><title>Ratios to the same work done by hand</title><style>'
        ".name{fill:#1f2328;font-weight:600}.note{fill:#57606a}.bar{fill:#54aeff}.one{stroke:#cf222e;stroke-dasharray:4 4}"
        "@media(prefers-color-scheme:dark){.name{fill:#e6edf3}.note{fill:#8b949e}.bar{fill:#1f6feb}.one{stroke:#ff7b72}}"
        f'</style>{"".join(drawn)}<path class="one" d="M{one} 6V{y - 6}"/></svg>'
    )


if __name__ == "__main__":
    main()
