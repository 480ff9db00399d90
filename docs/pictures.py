#!/usr/bin/env python3
"""Prints the pictures as links that hold them: no file stands beside a page of rustdoc.

    docs/pictures.py > src/guide/pictures.md
"""

from base64 import b64encode
from pathlib import Path

for svg in sorted(Path(__file__).resolve().parent.glob("*.svg")):
    print(f"[{svg.stem}-picture]: data:image/svg+xml;base64,{b64encode(svg.read_bytes()).decode()}")
