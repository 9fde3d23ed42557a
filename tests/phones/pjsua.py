"""pjsua2 (PJSIP 2.15, PyPI package pjsua2-python): its own process runs pjsua_phone.py and is steered over its standard input."""

import sys
from pathlib import Path

from phone import Phone

NAME = "pjsua2"


class Pjsua(Phone):
    python = sys.executable

    def start(self):
        script = Path(__file__).parent / "pjsua_phone.py"
        words = [self.who.user, self.who.password, self.gate, self.transport, self.port, self.media, self.who.timer or 0]
        self.launch([self.python, "-u", str(script), *map(str, words)])

    def dial(self, number):
        self.say(f"dial {number}")

    def hold(self):
        self.say("hold")

    def resume(self):
        self.say("resume")

    def transfer(self, number):
        self.say(f"transfer {number}")

    def connect(self, first, second):
        self.say(f"connect {first - 1} {second - 1}")

    def hang_up(self):
        self.say("hangup")
