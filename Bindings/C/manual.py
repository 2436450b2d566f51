"""Writes manual pages of a command from what its --experimental-dump-help prints.

    rnn --experimental-dump-help | python manual.py VERSION FOLDER      FOLDER/rnn.1, FOLDER/rnn-convert.1, …
"""

import json
import pathlib
import sys


def text(words):
    """Plain text as roff has it."""
    lines = words.replace("\\", "\\e").replace("-", "\\-").split("\n")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in lines)


def paragraphs(words):
    """Text in which indented lines are examples, to be kept as they are."""
    result = []
    for part in words.split("\n\n"):
        if part.startswith("  "):
            result.append(".PP\n.nf\n" + text(part) + "\n.fi")
        else:
            result.append(".PP\n" + text(part))
    return "\n".join(result)


def spelled(name):
    return ("--" if name["kind"] == "long" else "-") + name["name"]


def usage(argument):
    value = f"<{argument['valueName']}>"
    word = value if argument["kind"] == "positional" else spelled(argument["preferredName"])
    if argument["kind"] == "option":
        word += " " + value
    word += " ..." if argument["isRepeating"] else ""
    return f"[{word}]" if argument["isOptional"] else word


def entry(argument):
    if argument["kind"] == "positional":
        head = f"<{argument['valueName']}>"
    else:
        head = ", ".join(spelled(name) for name in argument["names"])
        if argument["kind"] == "option":
            head += f" <{argument['valueName']}>"
    body = argument.get("abstract", "")
    values = argument.get("allValues") or argument.get("allValueStrings") or []
    if values:
        body += f" (values: {', '.join(values)})"
    if argument.get("defaultValue"):
        body += f" (default: {argument['defaultValue']})"
    return f".TP\n.B {text(head)}\n{text(body)}"


def page(command, path, version):
    name = "-".join(path)
    arguments = [a for a in command.get("arguments", []) if a["shouldDisplay"]]
    subcommands = [c for c in command.get("subcommands", []) if c["commandName"] != "help"]
    words = [" ".join(path)] + (["<subcommand>"] if subcommands else []) + [usage(a) for a in arguments]
    out = [f'.TH "{name.upper()}" "1" "" "RNNKit {version}" ""', ".SH NAME", text(f"{name} - {command['abstract']}"),
           ".SH SYNOPSIS", text(" ".join(words)), ".SH DESCRIPTION", paragraphs(command.get("discussion", command["abstract"]))]
    if arguments:
        out += [".SH OPTIONS"] + [entry(a) for a in arguments]
    if subcommands:
        out += [".SH COMMANDS"]
        out += [f".TP\n.BR {text(name + '-' + c['commandName'])} (1)\n{text(c['abstract'])}" for c in subcommands]
    elif len(path) > 1:
        out += [".SH SEE ALSO", f".BR {path[0]} (1)"]
    yield name, "\n".join(out) + "\n"
    for child in subcommands:
        yield from page(child, path + [child["commandName"]], version)


def main(arguments):
    if len(arguments) != 2:
        print(__doc__.strip(), file=sys.stderr)
        return 64
    command = json.load(sys.stdin)["command"]
    for name, words in page(command, [command["commandName"]], arguments[0]):
        (pathlib.Path(arguments[1]) / f"{name}.1").write_text(words, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
