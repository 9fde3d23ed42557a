"""A phone made of pjsua2: answers calls, follows transfers, and does what its standard input says."""

import os
import select
import sys

import pjsua2 as pj

USER, PASSWORD, GATE, TRANSPORT = sys.argv[1:5]
PORT, MEDIA, TIMER = map(int, sys.argv[5:8])
DOMAIN = "company.example"
CALLS = []


class Call(pj.Call):
    def __init__(self, account, call_id=pj.PJSUA_INVALID_ID):
        super().__init__(account, call_id)
        self.account = account
        CALLS.append(self)

    def onCallState(self, _prm):
        state = self.getInfo()
        print(f"call {state.id}: {state.stateText} {state.lastStatusCode} {state.lastReason}")
        if state.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            CALLS.remove(self)

    def onCallTransferRequest(self, prm):
        prm.newCall = Call(self.account)

    def onCallReplaceRequest(self, prm):
        prm.newCall = Call(self.account)


class Account(pj.Account):
    def onIncomingCall(self, prm):
        Call(self, prm.callId).answer(word(200))

    def onRegState(self, prm):
        print(f"registration: {prm.code} {prm.reason}")


def word(status=0):
    prm = pj.CallOpParam(True)
    if status:
        prm.statusCode = status
    return prm


def open_phone():
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.logConfig.level = config.logConfig.consoleLevel = 5
    endpoint.libInit(config)
    transport = pj.TransportConfig()
    transport.port, transport.boundAddress = PORT, "127.0.0.1"
    kinds = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP}
    endpoint.transportCreate(kinds[TRANSPORT], transport)
    endpoint.libStart()
    # A sound card without hardware.
    endpoint.audDevManager().setNullDev()
    return endpoint


def open_account():
    config = pj.AccountConfig()
    config.idUri = f"sip:{USER}@{DOMAIN}"
    config.regConfig.registrarUri = f"sip:{DOMAIN}"
    config.sipConfig.proxies.append(f"sip:{GATE};transport={TRANSPORT};lr")
    config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", USER, 0, PASSWORD))
    config.mediaConfig.transportConfig.port = MEDIA
    config.mediaConfig.transportConfig.portRange = 20
    if TIMER:
        config.callConfig.timerUse = pj.PJSUA_SIP_TIMER_ALWAYS
        config.callConfig.timerMinSESec = 90
        config.callConfig.timerSessExpiresSec = TIMER
    account = Account()
    account.create(config)
    return account


def obey(account, line):
    verb, *words = line.split()
    if verb == "dial":
        Call(account).makeCall(f"sip:{words[0]}@{DOMAIN}", word())
    elif verb == "hold":
        CALLS[0].setHold(word())
    elif verb == "resume":
        prm = word()
        prm.opt.flag = pj.PJSUA_CALL_UNHOLD
        CALLS[0].reinvite(prm)
    elif verb == "transfer":
        CALLS[0].xfer(f"sip:{words[0]}@{DOMAIN}", word())
    elif verb == "connect":
        CALLS[int(words[0])].xferReplaces(CALLS[int(words[1])], word())
    elif verb == "hangup":
        for call in list(CALLS):
            call.hangup(word())


def main():
    endpoint = open_phone()
    account = open_account()
    unread = b""
    while True:
        # Waits for the network itself; nothing here runs hot.
        endpoint.libHandleEvents(20)
        if not select.select([sys.stdin], [], [], 0)[0]:
            continue
        read = os.read(0, 4096)
        if not read:
            return
        *lines, unread = (unread + read).split(b"\n")
        for line in lines:
            try:
                obey(account, line.decode())
            except pj.Error as fault:
                print(f"error: {line.decode()}: {fault.info()}")


main()
