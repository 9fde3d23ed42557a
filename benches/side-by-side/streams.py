"""`measure streams`: the same gated call over UDP, TCP and TLS, one connection on each side, and what each costs the gate.

`phones.py` plays caller and trunk. Driver, rate, policy and ledger are the same for all three; rounds are interleaved, and a run
counts only if every call of it was completed. Python 3.11, standard library only, and openssl for the certificates.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

from phones import Phones

TRANSPORTS = ["udp", "tcp", "tls"]
# What Tollgate promises, as multiples of its own cost over UDP.
PROMISED = {"udp": 1.0, "tcp": 1.3, "tls": 1.6}


def compare(harness, asked, launch):
    """The runs, one after another, as they are kept, and the table of them."""
    sys.path.insert(0, harness)
    import run as bench
    rate, rounds = asked.rate or 300, asked.rounds or (1 if asked.quick else 5)
    seconds, warm = (5, 4) if asked.quick else (20, 36)
    opt = argparse.Namespace(scenario="call", proxy_cpu="0", gen_cpu="1", nice=asked.nice, cgroup=True)
    os.makedirs(bench.RUN, exist_ok=True)
    certificates = certify(f"{bench.WORK}/certificates", [address.rsplit(":", 1)[0] for address in (bench.PROXY, bench.UAC, bench.UAS)])
    # The phones play in this very process.
    os.sched_setaffinity(0, {int(opt.gen_cpu)})
    os.setpriority(os.PRIO_PROCESS, 0, opt.nice)
    runs = []
    try:
        for number in range(rounds):
            # Forth and back, so that whatever drifts over a round hits none of them always.
            for transport in TRANSPORTS if number % 2 == 0 else reversed(TRANSPORTS):
                found = one(bench, opt, transport, certificates, launch, (rate, seconds, warm)) | {"round": number + 1}
                runs.append(found)
                print("round {round} {transport:3s} {cpu_us:6.1f} us a call, user {user_us:5.0f} system {system_us:5.0f}"
                      "   {completed} of {calls} completed".format(**found), flush=True)
    finally:
        bench.cleanup()
    return {"rate": rate, "seconds": seconds, "warm": warm, "runs": runs}


def one(bench, opt, transport, certificates, launch, span):
    """A fresh gate, calls to warm it, calls that count; both over the same connections."""
    rate, seconds, warm = span
    gate = gate_of(bench)(bench.Adapter(f"tollgate-{transport}", f"{launch} --transport {transport} --certificates {certificates}"), opt)
    ends = None
    try:
        ends = Phones(transport, reached(bench.PROXY, transport), place(bench.UAC), place(bench.UAS), pairs(bench), certificates)
        ends.place(int(rate * warm), rate)
        calls = int(rate * seconds)
        before, busy, began, own_began = gate.cpu(), bench.cpu_busy(), time.time(), time.process_time()
        completed = ends.place(calls, rate)
        after, busier, ended, own_ended = gate.cpu(), bench.cpu_busy(), time.time(), time.process_time()
        if not gate.alive():
            raise RuntimeError(f"the gate has gone: see {bench.RUN}")
    finally:
        if ends:
            ends.close()
        gate.close()
    per_call = lambda key: round((after[key] - before[key]) / max(completed, 1) * 1e6, 1)
    core = busier[int(opt.proxy_cpu)][0] - busy[int(opt.proxy_cpu)][0] - (after["total"] - before["total"])
    return {"transport": transport, "calls": calls, "completed": completed, "cpu_us": per_call("total"), "user_us": per_call("user"),
            "system_us": per_call("sys"), "others_on_core_percent": round(100 * core / (ended - began)),
            "phones_busy_percent": round(100 * (own_ended - own_began) / (ended - began))}


def gate_of(bench):
    class Gate(bench.Proxy):
        """Ready when its UDP port is there: the calls that warm it show that a call passes, over the transport in question."""

        def probe(self):
            time.sleep(0.5)

    return Gate


def reached(address, transport):
    host, port = place(address)
    return host, port + (transport == "tls")


def place(address):
    host, port = address.rsplit(":", 1)
    return host, int(port)


def pairs(bench):
    with open(f"{bench.DATA}/calls_ok.blast.csv", encoding="utf-8") as file:
        return [tuple(line.rstrip("\n").split(";")[:2]) for line in file]


def certify(folder, hosts):
    """An authority of a day, and certificates that name the hosts, ECDSA on P-256 as a careful site has them."""
    os.makedirs(folder, exist_ok=True)
    make = lambda *words: subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    make("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=bench")
    names = ",".join(f"IP:{host}" for host in hosts)
    for who in ["gate", "peer"]:
        make("req", *key, "-keyout", f"{who}.key", "-out", f"{who}.csr", "-subj", f"/CN={who}")
        with open(f"{folder}/{who}.ext", "w", encoding="utf-8") as file:
            file.write(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n")
        make("x509", "-req", "-in", f"{who}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
             "-out", f"{who}.pem", "-extfile", f"{who}.ext")
    return folder


def table(found):
    """Medians, and ratios to the UDP row of the same round; a run in which a call failed does not count."""
    runs = [run for run in found["runs"] if run["completed"] == run["calls"]]
    base = {run["round"]: run["cpu_us"] for run in runs if run["transport"] == "udp"}
    rows = ["| | processor time of a call, µs | user | system | times UDP | promised | rounds |", "|---|---|---|---|---|---|---|"]
    for transport in TRANSPORTS:
        own = [run for run in runs if run["transport"] == transport]
        ratios = [run["cpu_us"] / base[run["round"]] for run in own if run["round"] in base]
        cells = [span([run["cpu_us"] for run in own], 0), *(span([run[key] for run in own], 0) for key in ("user_us", "system_us"))]
        cells += [span(ratios, 2), f"{PROMISED[transport]:.1f}", str(len(own))]
        rows.append(f"| {transport.upper()} | {' | '.join(cells)} |")
    return "\n".join(rows)


def kept(found):
    """One run a line, so that a diff shows which has changed."""
    head = {key: value for key, value in found.items() if key != "runs"}
    lines = ",\n".join(f"  {json.dumps(run)}" for run in found["runs"])
    return f'{{"asked": {json.dumps(head)},\n "runs": [\n{lines}\n]}}\n'


def span(values, places):
    if not values:
        return "–"
    return f"{statistics.median(values):.{places}f} ({min(values):.{places}f}–{max(values):.{places}f})"
