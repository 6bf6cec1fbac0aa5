"""Tries the studio as it is installed: opens it, loads its page, hears a tone, lets it go on.

    python scripts/try_studio.py FOLDER

FOLDER is a new one for its pieces. No network is needed; in a network namespace of its own, the way
of this computer to itself is opened first. Exits 1 if anything is not as it should be.
"""

import fcntl
import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
from urllib.parse import urlsplit

from websockets.sync.client import connect

LOADED = re.compile(r'(?:src|href)="(/[^"]+)"|from "(\./[^"]+|\.\./[^"]+)"')
WAIT = 300  # seconds for an answer: the first time, code is compiled


def main(folder):
    open_loopback()
    command = [sys.executable, "-m", "howlkit", "studio", "--no-browser", "--port", "0"]
    environment = {**os.environ, "HOWLKIT_STUDIO": folder}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as studio:
        try:
            link = next(
                found for line in studio.stdout if (found := re.search(r"http://\S+", line))
            )
            look(urlsplit(link.group()))
            studio.send_signal(signal.SIGINT)
            assert studio.wait(WAIT) in (0, 130), f"it ended with {studio.returncode}"
        finally:
            studio.kill()
    print("the studio opens, plays, goes on and closes")


def look(link):
    """Do as a page does."""
    cookie = ask(link, f"/?{link.query}")[0]["set-cookie"].partition(";")[0]
    files = page_files(link, cookie)
    assert ask(link, "/tone/0/60", cookie)[1][:4] == b"RIFF", "a tone is a sound file"
    head = {"Cookie": cookie}
    url = f"ws://{link.netloc}/ws"
    with connect(url, origin=f"http://{link.netloc}", additional_headers=head) as page:
        model, piece = hear(page, "hello")["model"], hear(page, "piece")
        notes = len(piece["notes"]["id"])
        assert notes > 100, "a first visitor finds a piece"
        if model["state"] == "loading":
            model = hear(page, "model")
        assert model["state"] == "ready", model
        page.send(json.dumps({"do": "go_on", "at": piece["end"], "bars": 2, "seed": 1}))
        assert hear(page, "draft")["notes"]["start"], "notes stream"
        made = hear(page, "made")
        assert made["how"] == "done" and made["notes"], made
    assert ask(link, "/export/mid", cookie)[1][:4] == b"MThd"
    assert ask(link, "/export/wav", cookie)[1][:4] == b"RIFF"
    print(
        f"{files} files of the page, {notes} notes found, {made['notes']} made by {model['name']}"
    )


def page_files(link, cookie):
    """Load the page and all that it names; return how many files these are."""
    due, seen = ["/"], set()
    while due:
        path = due.pop()
        if path in seen:
            continue
        seen.add(path)
        text = ask(link, path, cookie)[1].decode()
        for absolute, relative in LOADED.findall(text):
            due.append(absolute or os.path.normpath(os.path.join(os.path.dirname(path), relative)))
    return len(seen)


def ask(link, path, cookie=""):
    """Return the headers and the body of an answer that is well."""
    connection = http.client.HTTPConnection(link.hostname, link.port, timeout=WAIT)
    connection.request("GET", path, headers={"Cookie": cookie})
    answer = connection.getresponse()
    assert answer.status < 400, f"{path}: {answer.status}"
    return answer.headers, answer.read()


def hear(page, kind):
    """Return the next message of a kind."""
    while (message := json.loads(page.recv(WAIT)))["say"] != kind:
        assert message["say"] != "error", message
    return message


def open_loopback():
    """Switch on the loopback device, which is off in a new network namespace."""
    up, get_flags, set_flags = 0x1, 0x8913, 0x8914  # IFF_UP, SIOCGIFFLAGS, SIOCSIFFLAGS
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        request = struct.pack("16sh14x", b"lo", 0)
        _, flags = struct.unpack("16sh14x", fcntl.ioctl(device, get_flags, request))
        if not flags & up:
            fcntl.ioctl(device, set_flags, struct.pack("16sh14x", b"lo", flags | up))


if __name__ == "__main__":
    main(sys.argv[1])
