"""linphonec 5.1 (Debian package linphone-cli), steered over its standard input."""

import os

from phone import Phone

NAME = "linphonec"


class Linphonec(Phone):
    def start(self):
        user, kind = self.who.user, self.transport
        own = self.port
        (self.folder / "linphonerc").write_text(
            "[sip]\n"
            f"sip_port={own if kind == 'udp' else 0}\nsip_tcp_port={own if kind == 'tcp' else 0}\n"
            "bind_address=127.0.0.1\nguess_hostname=0\ndefault_proxy=0\n\n"
            "auto_answer_replacing_calls=1\n"
            f"session_expires_enabled={1 if self.who.timer else 0}\nsession_expires_value={self.who.timer or 0}\n"
            "session_expires_min_value=90\n\n"
            "[proxy_0]\n"
            f"reg_proxy=<sip:{self.gate};transport={kind}>\nreg_route=<sip:{self.gate};transport={kind};lr>\n"
            f"reg_identity=sip:{user}@company.example\nreg_expires=300\nreg_sendregister=1\npublish=0\n\n"
            "[auth_info_0]\n"
            f"username={user}\nuserid={user}\npasswd={self.who.password}\nrealm=company.example\n"
            "domain=company.example\n\n"
            # Files that say nothing make no sound, and after half a minute of silence it would hang up.
            f"[rtp]\naudio_rtp_port={self.media}\nnortp_timeout=3600\n\n[sound]\nechocancellation=0\n"
        )
        home = dict(os.environ, HOME=str(self.folder))
        # Without this folder it opens no database, and then no socket either.
        (self.folder / ".local/share/linphone").mkdir(parents=True)
        automatic = [] if user == "201" else ["-a"]
        log = self.folder / "sip.log"
        log.touch()
        self.launch(
            ["linphonec", "-c", str(self.folder / "linphonerc"), "-d", "5", "-l", str(log), *automatic], env=home
        )
        self.console, self.log = self.log, log
        self.say("soundcard use files")

    def dial(self, number):
        self.say(f"call sip:{number}@company.example")

    def hold(self):
        self.say("pause")

    def resume(self):
        self.say("resume")

    def transfer(self, number):
        self.say(f"transfer sip:{number}@company.example")

    def connect(self, first, second):
        """An attended transfer of its first call to its second; its calls are counted from 1."""
        self.say(f"transfer {first} --to-call {second}")

    def hang_up(self):
        self.say("terminate all")
