"""Types lines into a shell in a pseudo-terminal and asks it to complete them with the tab key.

    python3 complete.py SHELL COMMAND SCRIPT FOLDER LINE…      bash, zsh or fish; the words of each line as they then are

A line is typed in FOLDER, where the command's completions of SCRIPT are loaded. What stands on the line after the tab is
found by making it the arguments of printf.
"""

import os
import pty
import select
import signal
import sys
import time

WAIT = 60
MARK = "@@"


class Terminal:
    def __init__(self, arguments, folder, environment):
        self.process, self.file = pty.fork()
        if self.process == 0:
            os.chdir(folder)
            os.execvpe(arguments[0], arguments, environment)
        self.text = b""

    def send(self, text):
        os.write(self.file, text.encode())

    def until(self, text, seconds=WAIT):
        """What comes until the text, which is dropped with all before it."""
        end = time.monotonic() + seconds
        while text.encode() not in self.text:
            ready, _, _ = select.select([self.file], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise TimeoutError(f"no {text!r} in {self.text[-2000:]!r}")
            try:
                self.text += os.read(self.file, 1 << 16)
            except OSError:
                raise EOFError(f"the shell ended: {self.text[-2000:]!r}") from None
        before, _, self.text = self.text.partition(text.encode())
        return before.decode(errors="replace")

    def quiet(self, seconds=0.6):
        """Reads until nothing has come for a while: the shell has done what it was asked."""
        while select.select([self.file], [], [], seconds)[0]:
            try:
                self.text += os.read(self.file, 1 << 16)
            except OSError:
                return

    def close(self):
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)


def main(arguments):
    shell, command, script, folder, *lines = arguments
    environment = {
        "PATH": os.path.dirname(os.path.abspath(command)) + ":/usr/local/bin:/usr/bin:/bin", "HOME": folder, "TERM": "xterm",
        "PS1": "$ ", "LC_ALL": "C.UTF-8", "XDG_CONFIG_HOME": folder + "/.config", "XDG_DATA_HOME": folder + "/.local"}
    start = {
        "bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"], "fish": ["fish", "--no-config", "-i"],
    }[shell]
    setup = {
        "bash": f"bind 'set enable-bracketed-paste off'; source '{script}'",
        # As site-functions are loaded.
        "zsh": f"fpath=('{os.path.dirname(script)}' $fpath); autoload -U compinit; compinit -u -D; unset zle_bracketed_paste; setopt NO_LIST_AMBIGUOUS",
        "fish": f"source '{script}'; function fish_prompt; echo '$ '; end",
    }[shell]
    result = folder.rstrip("/") + ".completed"
    terminal = Terminal(start, folder, environment)
    try:
        terminal.quiet(1)
        terminal.send(setup + f"; printf '{MARK}%s\\n' ready\r")
        terminal.until(MARK + "ready")
        for line in lines:
            terminal.quiet()
            terminal.send(line + "\t")
            terminal.quiet()
            # To the line's start, and the whole as arguments.
            terminal.send("\x01")
            terminal.quiet(0.2)
            terminal.send("printf '%s|' ")
            terminal.quiet(0.2)
            terminal.send("\x05")
            terminal.quiet(0.2)
            terminal.send(f" > '{result}'; printf '{MARK}''%s\\n' done\r")
            terminal.until(MARK + "done")
            with open(result, encoding="utf-8") as file:
                print(" ".join(file.read().split("|")[:-1]), flush=True)
    finally:
        terminal.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
