#!/usr/bin/env python3
"""Turns the data of the side-by-side harness into Tollgate's own files, so that both sides hold the same policy.

  translate.py FOLDER --data HARNESS_DATA --listen ADDRESS:PORT --upstream ADDRESS:PORT [--policy gate|digest|relay]
                      [--transport udp|tcp|tls --certificates FOLDER]

What stands in the harness's neutral CSVs, and what becomes of it here:

  users.csv      people.csv: role, `calls` (at once), credit limit as `money_month`, password of the phone
  roles.csv      one role with one permit: its zones as countries, CRM contacts only, its hours
  prefixes.csv   [[classes]]: the longest prefix decides the zone; tariff.csv: price per second, 1/1 increments
  crm.csv        contacts.csv

The harness dials eleven bare digits that are no numbers of any real plan. They are national numbers of eleven digits here
(dialled without prefix, country code 49), and each of the harness's fifty zones goes by the name of one foreign country, so
that the rule "this role may call these zones" is Tollgate's "this permit ticks these countries".

The gates differ in who vouches for the caller: `gate` trusts the From of the calling side, as a PBX's; `digest` takes the
calling side for phones. `relay` lets every person call everything free of charge: what remains is the proxy.

With `--transport` the gate listens over TCP at the same port and over TLS at the next one besides, and reaches the upstream by
that transport; the folder holds gate.pem, gate.key and ca.pem.
Python 3.11, standard library only.
"""
import argparse
import csv
import itertools
import os

HERE = os.path.dirname(os.path.abspath(__file__))
CLASSES = os.path.join(HERE, "../../src/policy/classes.tsv")
HOME, HOME_CODE, NUMBER_LENGTH = "DE", "49", 11
SECONDS_PER_MINUTE = 60
MICROS = 1_000_000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="where Tollgate's files are written")
    parser.add_argument("--data", required=True, help="the folder with the harness's CSVs")
    parser.add_argument("--listen", required=True)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--policy", choices=["gate", "digest", "relay"], default="gate")
    parser.add_argument("--transport", choices=["udp", "tcp", "tls"])
    parser.add_argument("--certificates", help="the folder with gate.pem, gate.key and ca.pem")
    asked = parser.parse_args()
    translate(asked.folder, asked.data, asked.listen, asked.upstream, asked.policy, asked.transport, asked.certificates)


def translate(folder, data, listen, upstream, policy, transport=None, certificates=None):
    """Writes tollgate.toml, policy.toml, people.csv, contacts.csv and tariff.csv; the path of the first is the answer."""
    os.makedirs(folder, exist_ok=True)
    users, roles = read(data, "users.csv"), read(data, "roles.csv")
    prefixes, numbers = read(data, "prefixes.csv"), read(data, "crm.csv")
    free = policy == "relay"
    write(folder, "policy.toml", relay_policy() if free else gate_policy(roles, prefixes))
    write(folder, "people.csv", people(users, free))
    write(folder, "contacts.csv", ["number,name", *(f"{row['number']},CRM" for row in numbers)])
    write(folder, "tariff.csv", tariff(prefixes, free))
    return write(folder, "tollgate.toml", settings(listen, upstream, policy, transport, certificates))


def settings(listen, upstream, policy, transport, certificates):
    """The callers stand in the gate's own network; the trunk is known by its address."""
    network = listen.rsplit(":", 1)[0].rsplit(".", 1)[0] + ".0/24"
    peer = ['kind = "phones"'] if policy == "digest" else ['kind = "pbx"', "trusted = true"]
    return [
        "[[listen]]", 'name = "udp"', 'transport = "udp"', f'address = "{listen}"', "",
        *(streams(listen, certificates) if transport else []),
        "[[trunk]]", 'name = "upstream"', f'address = "{upstream}"', "calls_max = 100000", *towards(transport, certificates), "",
        "[[peer]]", 'name = "callers"', f'networks = ["{network}"]', *peer, 'site = "bench"', "",
        "[site.bench]", f'country = "{HOME}"', 'emergency = ["112"]', 'national = ""', "dial_around = []",
        f"national_lengths = [{NUMBER_LENGTH}, {NUMBER_LENGTH}]", "",
        "[sip]", 'realm = "tollgate.test"', "calls_max = 1000000", "failures_before_lock = 10000", "",
        "[money]", 'currency = "EUR"', "places = 6", "",
        "[store]", 'path = "ledger.db"', "",
        "[files]", 'policy = "policy.toml"', 'people = "people.csv"', 'tariff = "tariff.csv"', "",
        "[files.contacts]", 'crm = "contacts.csv"', "",
        "[log]", 'filter = "warn"',
    ]


def streams(listen, certificates):
    host, port = listen.rsplit(":", 1)
    return [
        "[[listen]]", 'name = "tcp"', 'transport = "tcp"', f'address = "{listen}"', "",
        "[[listen]]", 'name = "tls"', 'transport = "tls"', f'address = "{host}:{int(port) + 1}"', "",
        "[tls]", f'certificate = "{certificates}/gate.pem"', f'key = "{certificates}/gate.key"', "",
    ]


def towards(transport, certificates):
    if not transport:
        return []
    return [f'transport = "{transport}"', *([f'ca = "{certificates}/ca.pem"'] if transport == "tls" else [])]


def gate_policy(roles, prefixes):
    """Each role ticks its zones; the table of classes says in which zone a prefix lies."""
    country_of = dict(zip(map(str, range(1000)), foreign_countries()))
    lines = company()
    for role in roles:
        countries = ", ".join(f'"{country_of[zone]}"' for zone in role["zones"].split())
        lines += [
            "", f"[[roles.{role['role']}.permits]]", f"countries = [{countries}]", 'contacts = "crm"',
            f'hours = "{hours(int(role["hour_from"]), int(role["hour_to"]))}"',
        ]
    zone_of = {row["prefix"]: row["zone"] for row in prefixes}
    for prefix, zone in itertools.chain(zone_of.items(), overridden(zone_of)):
        lines += ["", "[[classes]]", f'prefix = "{HOME_CODE}{prefix}"', f'country = "{country_of[zone]}"', 'kind = "fixed"']
    return lines


def relay_policy():
    classes = ["local", "national", "mobile", "international", "toll_free", "shared_cost", "premium", "satellite", "special"]
    return [*company(), "", "[[roles.all.permits]]", f"classes = {classes}".replace("'", '"'), 'contacts = "any"']


def company():
    # The peers do not watch for fraud, and the harness dials as a thief would.
    return ["[company]", 'name = "Bench"', 'zone = "UTC"', 'home = "bench"', "", "[fraud]", "classes = []"]


def hours(first, last):
    return "off" if first == last else f"{first:02}:00-{last:02}:00"


def foreign_countries():
    """ISO codes that the shipped table knows, in its order, without home."""
    codes = (row.split("\t")[1] for row in shipped_classes())
    return dict.fromkeys(code for code in codes if code not in ("-", HOME))


def shipped_classes():
    with open(CLASSES, encoding="utf-8") as file:
        return [line.rstrip("\n") for line in file if line.strip() and not line.startswith("#")]


def overridden(zone_of):
    """Shipped lines below home's country code would beat a shorter prefix of the harness: they get its zone."""
    for row in shipped_classes():
        shipped = row.split("\t")[0]
        below = shipped.removeprefix(HOME_CODE)
        if shipped != below and below not in zone_of:
            longest = next((below[:length] for length in range(len(below), 0, -1) if below[:length] in zone_of), None)
            if longest:
                yield below, zone_of[longest]


def people(users, free):
    yield "key,name,roles,sip_user,password,money_month,calls"
    for row in users:
        role, limits = ("all", ",") if free else (row["role"], f"{money(int(row['credit_limit']))},{row['max_calls']}")
        yield f"{row['user']},{row['user']},{role},{row['user']},{row['password']},{limits}"


def tariff(prefixes, free):
    yield "prefix,price_per_minute,first_increment_s,next_increment_s,valid_from"
    if free:
        yield f"{HOME_CODE},0,1,1,2020-01-01"
        return
    for row in prefixes:
        yield f"{HOME_CODE}{row['prefix']},{money(int(row['rate']) * SECONDS_PER_MINUTE)},1,1,2020-01-01"


def money(micros):
    return f"{micros // MICROS}.{micros % MICROS:06}"


def read(data, name):
    with open(os.path.join(data, name), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(folder, name, lines):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
    return path


if __name__ == "__main__":
    main()
