"""Verifies the signature of a message with a verifier that is not ours.

dkim_verify.py FILE RECORD   RECORD is what the DNS answers for the key, whoever is asked for.

Prints JSON: "verified", "asked" (the name that was looked up) and "signed" (the names in h=).
"""

import json
import re
import sys

import dkim


def main():
    with open(sys.argv[1], "rb") as file:
        message = file.read()
    asked = []

    def answer(name, timeout=5):
        asked.append(name.decode().rstrip("."))
        return sys.argv[2].encode()

    verified = dkim.verify(message, dnsfunc=answer)
    header = re.search(rb"(?is)^DKIM-Signature:.*?\r\n(?![ \t])", message).group(0)
    signed = re.search(rb"[;\s]h=([^;]+);", header).group(1)
    names = [name.strip().decode() for name in signed.split(b":")]
    print(json.dumps({"verified": verified, "asked": asked, "signed": names}))


main()
