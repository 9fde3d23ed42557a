"""What the three phones have in common: a process, a trace, patience. Each phone's own words stand in its own file."""

import os
import subprocess
import time
from pathlib import Path

from sip import messages

PATIENCE = float(os.environ.get("TOLLGATE_PHONES_PATIENCE", "20"))
POLL = 0.1


class Failed(Exception):
    pass


class Phone:
    """One phone as a child process. `say` writes a line to it; what it does is read from its trace alone."""

    def __init__(self, folder, who, gate, transport, port, media):
        self.folder = Path(folder) / who.user
        self.folder.mkdir(parents=True)
        self.who, self.gate, self.transport, self.port, self.media = who, gate, transport, port, media
        self.log = self.folder / "phone.log"
        self.since = 0
        self.process = None

    def launch(self, command, **more):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder, **more
            )

    def say(self, line):
        self.process.stdin.write((line + "\n").encode())
        self.process.stdin.flush()

    def trace(self):
        return self.log.read_bytes().decode("utf-8", "replace")

    def mark(self):
        """From here on; what was heard before is forgotten."""
        self.since = len(self.trace())

    def heard(self):
        return list(messages(self.trace()[self.since :]))

    def expect(self, what, fits, patience=PATIENCE):
        """Waits for a message that fits, sent or received."""
        end = time.monotonic() + patience
        while True:
            found = next((message for message in self.heard() if fits(message)), None)
            if found:
                return found
            if self.process.poll() is not None:
                raise Failed(f"{self.who.name}'s phone has ended: {self.last_words()}")
            if time.monotonic() > end:
                raise Failed(f"{self.who.name}'s phone: never {what}; {self.last_words()}")
            time.sleep(POLL)

    def expect_request(self, method, patience=PATIENCE, fits=lambda message: True):
        return self.expect(method, lambda m: m.is_request(method) and fits(m), patience)

    def expect_answer(self, status, method, patience=PATIENCE):
        return self.expect(f"{status} to {method}", lambda m: m.is_answer(status, method), patience)

    def last_words(self):
        heard = [message.start for message in self.heard()][-6:]
        complaints = [line for line in self.trace()[self.since :].splitlines() if self.complains(line)]
        return f"last messages {heard}; it says {complaints[-3:]}"

    def complains(self, line):
        low = line.lower()
        return "error" in low or "fail" in low or "warning" in low

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
