"""Forward lines (Schemas/forward.md) as the library prints them: parsed, and taken apart into steps."""

import re
from typing import Any, Dict, List, NamedTuple, Optional, Tuple, Union

from ._errors import Error, Kind

# What an expression is: Name, Number, Call, Index, Attribute, Binary, Negative or Items.


class Name(NamedTuple):
    text: str
    quoted: bool = False


class Number(NamedTuple):
    value: float
    text: str


class Call(NamedTuple):
    function: str
    arguments: Tuple[Any, ...]
    keywords: Tuple[Tuple[str, Any], ...]


class Index(NamedTuple):
    value: Any
    text: str


class Attribute(NamedTuple):
    value: Any
    name: str


class Binary(NamedTuple):
    operator: str
    left: Any
    right: Any


class Negative(NamedTuple):
    value: Any


class Items(NamedTuple):
    items: Tuple[Any, ...]


class Line(NamedTuple):
    """Inputs and outputs of the header, assignments, and what is given back."""

    inputs: Tuple[str, ...]
    outputs: Tuple[str, ...]
    statements: Tuple[Tuple[Tuple[str, ...], Any], ...]
    results: Tuple[Any, ...]


class Step(NamedTuple):
    """One step of a forward line.

    Attributes:
        name: what the steps after it call it.
        operation: a module's name, one of the line's own words, a function, or an operator.
        inputs: inputs of the model or names of steps before it.
        options: numbers and texts beside them, as they are written.
    """

    name: str
    operation: str
    inputs: Tuple[str, ...]
    options: Tuple[str, ...] = ()


_TOKEN = re.compile(
    r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|inf\b|nan\b)'
    r"|(?P<word>[^\W\d]\w*(?:\.\w+)*)|(?P<sign>->|\.\.\.|[-+*/()\[\],;=:.]))")


def _unquoted(text: str) -> str:
    text = re.sub(r"\\u\{([0-9a-fA-F]+)\}", lambda match: chr(int(match.group(1), 16)), text[1:-1])
    return re.sub(r"\\(.)", lambda match: {"n": "\n"}.get(match.group(1), match.group(1)), text)


class _Parser:
    def __init__(self, line: str) -> None:
        self.line, self.at, self.tokens = line, 0, []
        place = 0
        while line[place:].strip():
            match = _TOKEN.match(line, place)
            if match is None:
                raise self.error(place)
            self.tokens.append((match.lastgroup, match.group(match.lastgroup or 0), place, match.end()))
            place = match.end()

    def error(self, place: int) -> Error:
        return Error(Kind.DEFECT, f"this part of the forward line is not read: {self.line[place:place + 40]!r}",
                     place=self.line, remedy="report it")

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self, sign: Optional[str] = None) -> Tuple[str, str]:
        if self.at >= len(self.tokens) or sign is not None and self.peek() != sign:
            raise self.error(self.tokens[self.at][2] if self.at < len(self.tokens) else len(self.line))
        self.at += 1
        return self.tokens[self.at - 1][:2]

    def skip(self, sign: str) -> bool:
        if self.peek() == sign and self.tokens[self.at][0] == "sign":
            self.at += 1
            return True
        return False

    def parse(self) -> Line:
        inputs, outputs, statements = (["x"], ["_"], [])
        if "->" in (token[1] for token in self.tokens if token[0] == "sign"):
            inputs, outputs = self.names("->"), self.names(";")
        while True:
            start = self.at
            listed = self.expressions()
            if self.skip("="):
                self.at = start
                targets = self.names("=")
                value = self.expressions()
                if len(value) == 1:
                    statements.append((tuple(targets), value[0]))
                elif len(value) == len(targets):
                    statements += [((target,), item) for target, item in zip(targets, value)]
                else:
                    raise self.error(0)
                self.skip(";")
                continue
            self.skip(";")
            if self.at != len(self.tokens):
                raise self.error(self.tokens[self.at][2])
            return Line(tuple(inputs), tuple(outputs), tuple(statements), tuple(listed))

    def names(self, end: str) -> List[str]:
        result = []
        while True:
            kind, word = self.take()
            result.append(_unquoted(word) if kind == "text" else word)
            if self.skip("("):
                while not self.skip(")"):
                    self.take()
            if self.skip(end):
                return result
            self.take(",")

    def expressions(self, end: str = "") -> List[Any]:
        result = []
        while not (end and self.peek() == end):
            result.append(self.sum())
            if not self.skip(","):
                break
        return result

    def sum(self) -> Any:
        result = self.product()
        while self.peek() in ("+", "-"):
            result = Binary(self.take()[1], result, self.product())
        return result

    def product(self) -> Any:
        result = self.sign()
        while self.peek() in ("*", "/"):
            result = Binary(self.take()[1], result, self.sign())
        return result

    def sign(self) -> Any:
        if self.skip("-"):
            return Negative(self.sign())
        return self.sign() if self.skip("+") else self.postfix()

    def postfix(self) -> Any:
        kind, word = self.take()
        if kind == "number":
            result: Any = Number(float(word), word)
        elif kind == "text":
            result = Name(_unquoted(word), True)
        elif kind == "word":
            result = Name(word)
        elif word == "(":
            result = self.expressions(")")[0]
            self.take(")")
        elif word == "[":
            result = Items(tuple(self.expressions("]")))
            self.take("]")
        else:
            raise self.error(self.tokens[self.at - 1][2])
        while True:
            if self.peek() == "(" and isinstance(result, Name):
                self.take()
                arguments, keywords = [], []
                while not self.skip(")"):
                    if self.at + 1 < len(self.tokens) and self.tokens[self.at + 1][1] == "=":
                        name = self.take()[1]
                        self.take("=")
                        keywords.append((name, self.sum()))
                    else:
                        arguments.append(self.sum())
                    if not self.skip(","):
                        self.take(")")
                        break
                result = Call(result.text, tuple(arguments), tuple(keywords))
            elif self.peek() == "[":
                self.take()
                start = self.tokens[self.at][2]
                while self.peek() != "]":
                    self.take()
                result = Index(result, self.line[start:self.tokens[self.at][2]].strip())
                self.take("]")
            elif self.peek() == ".":
                self.take()
                result = Attribute(result, self.take()[1])
            else:
                return result


def parse(line: str) -> Line:
    """The line as a tree. Raises `Error` (DEFECT) for what the library does not print."""
    return _Parser(line).parse()


def steps(line: Optional[str]) -> List[Step]:
    """The steps of a line in the order in which they run; none for no line."""
    if line is None:
        return []
    parsed = parse(line)
    result: List[Step] = []
    known: Dict[str, str] = {name: name for name in parsed.inputs}
    used = set(parsed.inputs)

    def add(operation: str, inputs: Tuple[str, ...], options: Tuple[str, ...] = ()) -> str:
        name, number = operation if re.match(r"\w", operation) else "value", 1
        while name in used:
            number += 1
            name = f"{operation if re.match(chr(92) + 'w', operation) else 'value'}_{number}"
        used.add(name)
        result.append(Step(name, operation, inputs, options))
        return name

    def written(expression: Any) -> Optional[str]:
        if isinstance(expression, Number):
            return expression.text
        if isinstance(expression, Name) and expression.quoted:
            return expression.text
        if isinstance(expression, Negative):
            inner = written(expression.value)
            return None if inner is None else "-" + inner
        if isinstance(expression, Items):
            parts = [written(item) for item in expression.items]
            return None if None in parts else f"[{', '.join(str(part) for part in parts)}]"
        return None

    def split(parts: Tuple[Any, ...]) -> Tuple[Tuple[str, ...], Tuple[str, ...]]:
        inputs, options = [], []
        for part in parts:
            text = written(part)
            (inputs.append(step(part)) if text is None else options.append(text))
        return tuple(inputs), tuple(options)

    def step(expression: Any) -> str:
        if isinstance(expression, Name):
            base, dot, rest = expression.text.partition(".")
            if expression.text in known:
                return known[expression.text]
            return f"{known[base]}.{rest}" if dot and base in known and not expression.quoted else expression.text
        if isinstance(expression, Call):
            inputs, options = split(expression.arguments)
            options += tuple(f"{name}={written(value) or step(value)}" for name, value in expression.keywords)
            return add(expression.function, inputs, options)
        if isinstance(expression, Attribute):
            return f"{step(expression.value)}.{expression.name}"
        if isinstance(expression, Index):
            inner = step(expression.value)
            if re.search(r"\.[hc]n$", inner):
                return f"{inner}[{expression.text}]"
            return add("[]", (inner,), (expression.text,))
        if isinstance(expression, Binary):
            inputs, options = split((expression.left, expression.right))
            if written(expression.left) is not None and expression.operator in "-/":
                options += ("reversed",)
            return add(expression.operator, inputs, options)
        if isinstance(expression, Negative):
            return add("-", (step(expression.value),))
        text = written(expression)
        if text is None:
            raise Error(Kind.DEFECT, f"a value of the forward line is not read: {expression}", remedy="report it")
        return text

    for targets, value in parsed.statements:
        found = step(value)
        for target in targets:
            known[target] = found
    for value in parsed.results:
        step(value)
    return result


Expression = Union[Name, Number, Call, Index, Attribute, Binary, Negative, Items]
