"""Draws mail with Chromium: look.py FOLDER, where FOLDER/demo/mail holds messages.

For the first message of each language it writes LANGUAGE.html, and LANGUAGE-WIDTH-light.png and
-dark.png. Every message's HTML must stay below 102 KB, where Gmail cuts it off.
"""

import email
import email.policy
import pathlib
import subprocess
import sys

WIDTHS = {375: 1000, 1200: 900}
LANGUAGES = ["en", "de", "th"]
CLIPPED = 102 * 1024


def parts(file):
    message = email.message_from_bytes(file.read_bytes(), policy=email.policy.SMTP)
    return message.get_body(("html",)).get_content()


def draw(folder, language, width, height, scheme):
    # A frame has the width that it is told, however narrow a window may be.
    frame = folder / f"frame-{width}-{scheme}.html"
    frame.write_text(
        f'<!DOCTYPE html><html style="color-scheme:{scheme}"><body style="margin:0">'
        f'<iframe src="{language}.html" style="border:0;width:{width}px;height:{height}px;'
        f'color-scheme:{scheme}"></iframe>'
    )
    picture = folder / f"{language}-{width}-{scheme}.png"
    preferred = 0 if scheme == "dark" else 1
    command = [
        "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        "--allow-file-access-from-files", f"--user-data-dir={folder}/chromium",
        f"--blink-settings=preferredColorScheme={preferred}",
        f"--window-size={max(width, 500)},{height}", f"--screenshot={picture}", frame.as_uri(),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    frame.unlink()


def main():
    folder = pathlib.Path(sys.argv[1])
    missing = set(LANGUAGES)
    for file in sorted((folder / "demo" / "mail").glob("*.eml")):
        html = parts(file)
        size = len(html.encode())
        if size >= CLIPPED:
            sys.exit(f"{file.name}: {size} bytes of HTML, Gmail cuts at {CLIPPED}")
        for language in LANGUAGES:
            if language in missing and f'lang="{language}"' in html:
                missing.discard(language)
                (folder / f"{language}.html").write_text(html)
    if missing:
        sys.exit(f"the demo has no message in {', '.join(sorted(missing))}")
    for language in LANGUAGES:
        for width, height in WIDTHS.items():
            for scheme in ["light", "dark"]:
                draw(folder, language, width, height, scheme)


main()
