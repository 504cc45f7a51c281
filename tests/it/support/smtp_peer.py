"""A real SMTP server for the tests: python smtp_peer.py FOLDER MODE

Listens on a free port of 127.0.0.1, prints the port, and writes every message it accepts to
FOLDER as N.eml, its envelope beside it as N.json. MODE is one of

  accept          takes everything
  auth            takes nothing without the user care@example.com and the password s3cret
  refuse-550      refuses every recipient for good, naming the address
  refuse-451      refuses every recipient for now
  refuse-data     takes the recipient and refuses the message with 554
  drop-after-data hangs up after the whole message, without an answer

It ends when its standard input is closed. `python smtp_peer.py parse FILE` prints what Python's
own parser makes of a message, as JSON.
"""

import asyncio
import email
import email.policy
import json
import os
import sys
from pathlib import Path

PASSWORD = ("care@example.com", "s3cret")


class Peer:
    def __init__(self, folder, mode):
        self.folder, self.mode, self.count = Path(folder), mode, 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.mode == "refuse-550":
            return f"550 5.1.1 <{address}> unknown here"
        if self.mode == "refuse-451":
            return "451 4.3.0 come back later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 fine"

    async def handle_DATA(self, server, session, envelope):
        if self.mode == "refuse-data":
            return "554 5.6.0 not these words"
        self.count += 1
        write(self.folder / f"{self.count}.eml", envelope.original_content)
        facts = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "connection": id(session),
            "authenticated": session.authenticated,
        }
        write(self.folder / f"{self.count}.json", json.dumps(facts).encode())
        if self.mode == "drop-after-data":
            server.transport.abort()
        return "250 2.0.0 taken"


def write(path, data):
    draft = path.with_name(f".{path.name}")
    with open(draft, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)


def parse(path):
    with open(path, "rb") as file:
        message = email.message_from_binary_file(file, policy=email.policy.default)
    parts = [
        {
            "type": part.get_content_type(),
            "charset": part.get_content_charset(),
            "encoding": part["Content-Transfer-Encoding"],
            "content": part.get_content(),
        }
        for part in message.iter_parts()
    ]
    headers = [[name, str(value)] for name, value in message.items()]
    defects = [repr(d) for part in message.walk() for d in part.defects]
    shape = {"type": message.get_content_type(), "headers": headers, "parts": parts}
    print(json.dumps({**shape, "defects": defects}))


async def serve(folder, mode):
    from aiosmtpd.smtp import SMTP, AuthResult

    peer = Peer(folder, mode)

    def authenticate(server, session, envelope, mechanism, data):
        given = (data.login.decode(), data.password.decode())
        return AuthResult(success=given == PASSWORD, handled=False)

    needs = {"authenticator": authenticate, "auth_required": True, "auth_require_tls": False}

    def session():
        return SMTP(peer, hostname="peer.example", **(needs if mode == "auth" else {}))

    loop = asyncio.get_running_loop()
    server = await loop.create_server(session, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)


if __name__ == "__main__":
    if sys.argv[1] == "parse":
        parse(sys.argv[2])
    else:
        asyncio.run(serve(sys.argv[1], sys.argv[2]))
