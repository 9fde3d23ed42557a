"""baresip 1.0 (Debian package baresip-core), steered over its module ctrl_tcp: netstrings around JSON."""

import json
import re
import socket
import time

from phone import PATIENCE, POLL, Failed, Phone

NAME = "baresip"


class Baresip(Phone):
    # It listens with TLS on the port after its own, so control stands on the one behind that.
    MODULES = "/usr/lib/baresip/modules"

    def start(self):
        (self.folder / "config").write_text(
            f"sip_listen 127.0.0.1:{self.port}\nctrl_tcp_listen 127.0.0.1:{self.port + 2}\n"
            # A sound card without hardware.
            "audio_player aubridge,none\naudio_source aubridge,none\naudio_alert aubridge,none\n"
            f"rtp_ports {self.media}-{self.media + 20}\n"
            f"module_path {self.MODULES}\nmodule g711.so\nmodule aubridge.so\n"
            "module_app account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\n"
        )
        user, kind = self.who.user, self.transport
        (self.folder / "accounts").write_text(
            f"<sip:{user}@company.example;transport={kind}>;auth_user={user};auth_pass={self.who.password};"
            f'outbound="sip:{self.gate};transport={kind}";regint=300;answermode=auto;call_transfer=yes\n'
        )
        self.launch(["baresip", "-s", "-f", str(self.folder)])
        self.control = self.open_control()

    def open_control(self):
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port + 2))
            except OSError:
                if time.monotonic() > end:
                    raise Failed(f"baresip does not open its control port: {self.last_words()}") from None
                time.sleep(POLL)

    def stop(self):
        if hasattr(self, "control"):
            self.control.close()
        super().stop()

    def do(self, command, parameter=""):
        text = json.dumps({"command": command, "params": parameter, "token": command})
        self.control.sendall(f"{len(text)}:{text},".encode())

    def dial(self, number):
        self.do("dial", f"sip:{number}@company.example")

    def hold(self):
        self.do("hold")

    def resume(self):
        self.do("resume")

    def transfer(self, number):
        self.do("transfer", f"sip:{number}@company.example")

    def hang_up(self):
        self.do("hangup")

    def connect(self, _first, _second):
        """An attended transfer, by the command that baresip 2 has for it."""
        self.do("atransferstart", "sip:203@company.example")
        end, said = time.monotonic() + PATIENCE, ""
        answer = None
        while not answer and time.monotonic() < end:
            said += self.control.recv(65536).decode("utf-8", "replace")
            answer = re.search(r'\{"response":true,"ok":false,[^}]*\}', said)
        raise Failed(f"it says {answer.group() if answer else said}")
