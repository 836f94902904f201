#!/usr/bin/env python3
"""How old each dependency is: for where advisories cannot be looked up.

Reads Cargo.lock, and the publication times ("pubtime") that cargo's cache of the registry's index has.
"""
import datetime
import json
import os
import pathlib
import tomllib

home = pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo"))


def published():
    """Publication time of each (name, version) in the cache: lines of JSON between zero bytes."""
    times = {}
    for path in home.glob("registry/index/*/.cache/**/*"):
        if not path.is_file():
            continue
        for part in path.read_bytes().split(b"\0"):
            if part.startswith(b"{"):
                try:
                    entry = json.loads(part)
                except ValueError:
                    continue
                if entry.get("pubtime"):
                    times[entry["name"], entry["vers"]] = entry["pubtime"]
    return times


def main():
    lock = tomllib.loads(pathlib.Path("Cargo.lock").read_text(encoding="utf-8"))
    foreign = [(package["name"], package["version"]) for package in lock["package"] if "source" in package]
    times, today = published(), datetime.datetime.now(datetime.timezone.utc)
    known = sorted((times[package], package) for package in foreign if package in times)
    print(f"{len(foreign)} dependencies; the age of {len(known)} is known, oldest first:")
    for time, (name, version) in known:
        days = (today - datetime.datetime.fromisoformat(time)).days
        print(f"  {days:5} days  {name} {version}")
    missing = [" ".join(package) for package in foreign if package not in times]
    if missing:
        print("  unknown:", ", ".join(sorted(missing)))


main()
