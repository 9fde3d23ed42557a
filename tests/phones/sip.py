"""SIP messages as they stand in the trace of a phone, whichever phone wrote it."""

import re

START = re.compile(r"^(?:SIP/2\.0 \d{3}[^\r\n]*|[A-Z]+ sips?:\S+ SIP/2\.0)\r?$", re.M)


class Message:
    def __init__(self, text):
        head, _, body = text.replace("\r\n", "\n").partition("\n\n")
        self.start, *lines = head.split("\n")
        self.headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines if ":" in line]
        self.body = body

    def header(self, name):
        return next((value for known, value in self.headers if known.lower() == name.lower()), "")

    @property
    def status(self):
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0") else 0

    @property
    def method(self):
        """Of the request, or of the request that is answered."""
        return self.header("CSeq").split()[-1] if self.status else self.start.split()[0]

    @property
    def is_inside(self):
        """A request inside a dialog."""
        return not self.status and "tag=" in self.header("To")

    def is_request(self, method):
        return not self.status and self.method == method

    def is_answer(self, status, method):
        return self.status == status and self.method == method


def messages(trace):
    """Every message in a trace. A message ends where its headers end, or where its body does."""
    for found in START.finditer(trace):
        rest = trace[found.start() : found.start() + 8000]
        head = re.split(r"\r?\n\r?\n", rest, maxsplit=1)[0]
        length = re.search(r"^(?:Content-Length|l)\s*:\s*(\d+)", head, re.M | re.I)
        end = len(head) + 4 + (int(length.group(1)) if length else 0)
        yield Message(rest[:end])
