#!/usr/bin/env python3
"""Writes what the packages are made of: igorscope.cdx.json (CycloneDX 1.5) and third-party-licences.txt.

The same sources give the same bytes: nothing of the machine or the time of day goes in but SOURCE_DATE_EPOCH.
"""

import argparse
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib
import uuid

TARGETS = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl", "x86_64-pc-windows-gnu"]
NAMES = re.compile(r"^(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)


def linked(root, target):
    """Ids of the packages whose code is part of the program for a target, and all packages by id."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target]
    data = json.loads(subprocess.run(command, cwd=root, check=True, capture_output=True).stdout)
    packages = {package["id"]: package for package in data["packages"]}
    nodes = {node["id"]: node for node in data["resolve"]["nodes"]}
    is_macro = lambda id: any("proc-macro" in kind["kind"] for kind in packages[id]["targets"])
    found, todo = set(), [data["resolve"]["root"]]
    while todo:
        id = todo.pop()
        if id in found or is_macro(id):
            continue
        found.add(id)
        # Of kind `None` is what is linked; the rest builds or tests.
        todo += [dep["pkg"] for dep in nodes[id]["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"])]
    return found, packages


def texts_of(folder):
    """The licence texts that a package brings along."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and NAMES.match(path.name))
    return [(path.name, path.read_text(encoding="utf-8", errors="replace").strip()) for path in files]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--libpcap", nargs=2, metavar=("VERSION", "LICENCE"), required=True)
    parser.add_argument("--musl", metavar="LICENCE", required=True)
    parser.add_argument("folder", type=pathlib.Path)
    arguments = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parent.parent

    ids, packages = set(), {}
    for target in TARGETS:
        found, known = linked(root, target)
        ids |= found
        packages |= known
    lock = tomllib.loads((root / "Cargo.lock").read_text())
    sums = {(package["name"], package["version"]): package.get("checksum") for package in lock["package"]}
    crates = sorted((packages[id] for id in ids), key=lambda package: (package["name"], package["version"]))
    own = next(package for package in crates if package["name"] == "igorscope")
    crates.remove(own)

    components, chapters = [], []
    for crate in crates:
        name, version, licence = crate["name"], crate["version"], crate["license"]
        if licence is None:
            sys.exit(f"{name} {version} names no licence")
        component = {
            "type": "library",
            "bom-ref": f"pkg:cargo/{name}@{version}",
            "name": name,
            "version": version,
            "licenses": [{"expression": licence.replace("/", " OR ")}],
            "purl": f"pkg:cargo/{name}@{version}",
        }
        if sums.get((name, version)):
            component["hashes"] = [{"alg": "SHA-256", "content": sums[name, version]}]
        components.append(component)
        texts = texts_of(pathlib.Path(crate["manifest_path"]).parent)
        chapters.append((f"{name} {version}", licence, texts))

    rustc = subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True).stdout.split()[1]
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], check=True, capture_output=True, text=True).stdout.strip()
    documents = pathlib.Path(sysroot, "share/doc/rust")
    standard = [(name, (documents / name).read_text().strip()) for name in ["COPYRIGHT", "LICENSE-MIT"] if (documents / name).exists()]
    zstd = next(pathlib.Path(crate["manifest_path"]).parent for crate in crates if crate["name"] == "zstd-sys")
    zstd_header = (zstd / "zstd/lib/zstd.h").read_text()
    zstd_version = ".".join(re.search(rf"ZSTD_VERSION_{part}\s+(\d+)", zstd_header)[1] for part in ["MAJOR", "MINOR", "RELEASE"])
    read = lambda path: pathlib.Path(path).read_text(encoding="utf-8", errors="replace").strip()
    others = [
        ("The Rust standard library", rustc, "MIT OR Apache-2.0", standard, None),
        ("libpcap", arguments.libpcap[0], "BSD-3-Clause", [("LICENSE", read(arguments.libpcap[1]))], "Linux packages"),
        ("musl", "1.2", "MIT", [("COPYRIGHT", read(arguments.musl))], "Linux packages"),
        ("zstd", zstd_version, "BSD-3-Clause", [("LICENSE", read(zstd / "zstd/LICENSE"))], "by zstd-sys"),
        ("libgcc", "", "GPL-3.0-or-later WITH GCC-exception-3.1", [], "Windows packages; its exception lets it be part of any program"),
        ("mingw-w64 runtime", "", "ZPL-2.1", [], "Windows packages; its start-up code is in the public domain or under ZPL 2.1"),
    ]
    for name, version, licence, texts, note in others:
        component = {"type": "library", "bom-ref": f"native:{name}", "name": name, "licenses": [{"expression": licence}]}
        if version:
            component["version"] = version
        if note:
            component["description"] = note
        components.append(component)
        chapters.append((f"{name} {version}".strip(), licence, texts))

    at = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), datetime.timezone.utc)
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "type": "application",
                "bom-ref": "igorscope",
                "name": "igorscope",
                "version": own["version"],
                "licenses": [{"expression": own["license"]}],
            },
        },
        "components": components,
        "dependencies": [{"ref": "igorscope", "dependsOn": [component["bom-ref"] for component in components]}],
    }
    bom["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(bom, sort_keys=True))}"
    arguments.folder.mkdir(parents=True, exist_ok=True)
    (arguments.folder / "igorscope.cdx.json").write_text(json.dumps(bom, indent=1, sort_keys=True) + "\n")

    # A text that many bring along stands once.
    numbers, shared, page = {}, [], []
    for title, licence, texts in chapters:
        page.append(f"{title}\n    {licence}")
        for name, text in texts:
            key = re.sub(r"\s+", " ", text)
            if key not in numbers:
                numbers[key] = len(numbers) + 1
                shared.append(text)
            page.append(f"    {name}: text {numbers[key]}")
        if not texts:
            page.append("    It brings no text along; that of its licence is the usual one.")
    head = "What igorscope's packages contain that others wrote, each with its licence. The texts follow.\n"
    body = "\n\n".join(f"--- Text {number} ---\n\n{text}" for number, text in enumerate(shared, 1))
    (arguments.folder / "third-party-licences.txt").write_text(head + "\n" + "\n".join(page) + "\n\n" + body + "\n")


main()
