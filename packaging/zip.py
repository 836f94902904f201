#!/usr/bin/env python3
"""zip.py FOLDER EPOCH OUT.zip: a folder as a zip that is the same whenever and wherever it is made."""

import pathlib
import sys
import time
import zipfile

folder, epoch, out = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
moment = time.gmtime(epoch)[:6]
with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        info = zipfile.ZipInfo(str(path.relative_to(folder)), moment)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        archive.writestr(info, path.read_bytes())
