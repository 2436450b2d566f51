import RNNModel

/// Reads one file of TorchScript as classes and functions. What cannot be read is kept as such, and found when it is
/// reached: most of a file is never run.
struct ScriptParser {
  private struct Unread: Error {}

  private let file: String
  private let lines: [ScriptLine]
  private var line = 0
  private var tokens: ArraySlice<ScriptToken> = []
  private var level = 0
  private(set) var classes: [String: ScriptClass] = [:]
  private(set) var functions: [String: ScriptFunction] = [:]

  init(_ text: String, file: String) {
    self.file = file
    lines = ScriptLexer.lines(text)
    while line < lines.count {
      switch lines[line].tokens.prefix(2) {
      case [.name("class"), .name(name(at: 1))]: readClass(name(at: 1))
      case [.name("def"), .name(name(at: 1))]: functions[name(at: 1)] = function()
      default: line += 1
      }
    }
  }

  private func name(at index: Int) -> String {
    if lines[line].tokens.count > index, case .name(let name) = lines[line].tokens[index] { name } else { "" }
  }

  private mutating func readClass(_ name: String) {
    let indent = lines[line].indent
    var result = ScriptClass()
    line += 1
    while line < lines.count, lines[line].indent > indent {
      if lines[line].tokens.first == .name("def") {
        let name = self.name(at: 1)
        result.methods[name] = function()
        continue
      }
      let attribute = self.name(at: 0)
      tokens = lines[line].tokens.dropFirst()
      if attribute == "__forward_hooks__" || attribute == "__forward_pre_hooks__" {
        // `= []`
        if tokens.count > 3 { result.hasHooks = true }
      } else if take(":") {
        if tokens.first == .name("NoneType") { result.nones.insert(attribute) }
        let isFinal = tokens.first == .name("Final")
        skip(until: "=")
        if isFinal, take("="), let value = try? expression() { result.constants[attribute] = value }
      }
      line += 1
    }
    classes[name] = result
  }

  private mutating func function() -> ScriptFunction {
    let indent = lines[line].indent
    tokens = lines[line].tokens.dropFirst(2)
    var result = ScriptFunction(parameters: [], body: [], file: file)
    if take("(") {
      while case .name(let name)? = tokens.first {
        tokens = tokens.dropFirst()
        var parameter = ScriptFunction.Parameter(name: name, type: "")
        if take(":") { parameter.type = type() }
        if take("=") { parameter.initial = try? expression() }
        result.parameters.append(parameter)
        guard take(",") else { break }
      }
    }
    line += 1
    result.body = block(deeperThan: indent, level: 0)
    return result
  }

  /// A type's text, up to the next comma, equals sign or closing bracket that is not its own.
  private mutating func type() -> String {
    var (text, depth) = ("", 0)
    while let token = tokens.first {
      switch token {
      case .symbol(UInt8(ascii: "[")), .symbol(UInt8(ascii: "(")): depth += 1
      case .symbol(UInt8(ascii: "]")), .symbol(UInt8(ascii: ")")):
        if depth == 0 { return text }
        depth -= 1
      case .symbol(UInt8(ascii: ",")) where depth == 0, .symbol(UInt8(ascii: "=")) where depth == 0: return text
      default: break
      }
      switch token {
      case .name(let name): text += name
      case .symbol(let symbol): text.unicodeScalars.append(Unicode.Scalar(symbol))
      default: break
      }
      tokens = tokens.dropFirst()
    }
    return text
  }

  // MARK: Statements

  private mutating func block(deeperThan indent: Int, level: Int) -> [ScriptStatement] {
    var result: [ScriptStatement] = []
    while line < lines.count, lines[line].indent > indent {
      let start = lines[line]
      let kind = level < Limits.maximumDepth ? try? statement(level) : nil
      if kind == nil || line < lines.count && lines[line].number == start.number {
        // Not understood: it and what belongs to it is passed over.
        line += 1
        while line < lines.count, lines[line].indent > start.indent { line += 1 }
      }
      result.append(ScriptStatement(kind: kind ?? .unread(Self.words(start.tokens)), line: start.number))
    }
    return result
  }

  private static func words(_ tokens: [ScriptToken]) -> String {
    if tokens.first == .name("for") || tokens.first == .name("while") { return "a loop" }
    let words: [String] = tokens.prefix(12).map { token in
      switch token {
      case .name(let name): String(name.prefix(40))
      case .integer(let value): "\(value)"
      case .float(let value): "\(value)"
      case .string: "\"…\""
      case .symbol(let symbol): String(Unicode.Scalar(symbol))
      }
    }
    return words.joined(separator: " ")
  }

  private mutating func statement(_ level: Int) throws(Unread) -> ScriptStatement.Kind {
    tokens = lines[line].tokens[...]
    self.level = 0
    let indent = lines[line].indent
    switch tokens.first {
    case .name("pass"):
      line += 1
      return .pass
    case .name("return"):
      tokens = tokens.dropFirst()
      let value = try list()
      try finish()
      return .result(value)
    case .name("if"):
      tokens = tokens.dropFirst()
      let condition = try expression()
      guard take(":") else { throw Unread() }
      try finish()
      let then = block(deeperThan: indent, level: level + 1)
      var otherwise: [ScriptStatement] = []
      if line < lines.count, lines[line].indent == indent, lines[line].tokens.first == .name("else") {
        line += 1
        otherwise = block(deeperThan: indent, level: level + 1)
      }
      return .branch(condition, then: then, otherwise: otherwise)
    case .name("for"), .name("while"), .name("def"), .name("class"), .name("else"): throw Unread()
    default: return try assignment()
    }
  }

  /// `a = v`, `a, b, = v`, `a, b = v, w`, `a : T = v`, or an expression alone.
  private mutating func assignment() throws(Unread) -> ScriptStatement.Kind {
    let whole = tokens
    var names: [String] = []
    var takesParts = false
    while case .name(let name)? = tokens.first {
      names.append(name)
      tokens = tokens.dropFirst()
      guard take(",") else { break }
      takesParts = true
    }
    if names.count == 1, !takesParts, take(":") { skip(until: "=") }
    guard !names.isEmpty, take("=") else {
      tokens = whole
      let value = try expression()
      try finish()
      return .expression(value)
    }
    let value = try list()
    try finish()
    return .assignment(names, takesParts: takesParts, value)
  }

  private mutating func finish() throws(Unread) {
    guard tokens.isEmpty else { throw Unread() }
    line += 1
  }

  // MARK: Expressions

  private mutating func take(_ symbol: Unicode.Scalar) -> Bool {
    guard tokens.first == .symbol(UInt8(ascii: symbol)) else { return false }
    tokens = tokens.dropFirst()
    return true
  }

  private mutating func skip(until symbol: Unicode.Scalar) {
    while let token = tokens.first, token != .symbol(UInt8(ascii: symbol)) { tokens = tokens.dropFirst() }
  }

  private mutating func list() throws(Unread) -> ScriptExpression {
    let first = try expression()
    guard tokens.first == .symbol(UInt8(ascii: ",")) else { return first }
    var parts = [first]
    while take(","), !tokens.isEmpty { parts.append(try expression()) }
    return .tuple(parts)
  }

  /// Elements up to a closing bracket, and whether a comma stood among them.
  private mutating func elements(_ close: Unicode.Scalar) throws(Unread) -> ([ScriptExpression], hasComma: Bool) {
    var (parts, hasComma): ([ScriptExpression], Bool) = ([], false)
    while !take(close) {
      parts.append(try expression())
      if take(",") { hasComma = true } else if take(close) { break } else { throw Unread() }
    }
    return (parts, hasComma)
  }

  private mutating func expression() throws(Unread) -> ScriptExpression {
    let before = level
    level += 1
    defer { level = before }
    var result = try primary()
    while true {
      // What is behind makes an expression as deep as what is inside.
      guard level <= Limits.maximumDepth else { throw Unread() }
      if take(".") {
        guard case .name(let name)? = tokens.popFirst() else { throw Unread() }
        result = .attribute(result, name)
      } else if take("(") {
        var arguments: [ScriptArgument] = []
        while !take(")") {
          var keyword: String?
          if case .name(let name)? = tokens.first, tokens.dropFirst().first == .symbol(UInt8(ascii: "=")) {
            keyword = name
            tokens = tokens.dropFirst(2)
          }
          arguments.append(ScriptArgument(keyword: keyword, value: try expression()))
          if take(",") { continue }
          guard take(")") else { throw Unread() }
          break
        }
        result = .call(result, arguments)
      } else if take("[") {
        let (parts, hasComma) = try elements("]")
        guard let first = parts.first else { throw Unread() }
        result = .element(result, hasComma ? .tuple(parts) : first)
      } else {
        return result
      }
      level += 1
    }
  }

  private mutating func primary() throws(Unread) -> ScriptExpression {
    guard level <= Limits.maximumDepth, let token = tokens.popFirst() else { throw Unread() }
    switch token {
    case .name(let name): return .name(name)
    case .integer(let value): return .integer(value)
    case .float(let value): return .float(value)
    case .string(let text): return .string(text)
    case .symbol(UInt8(ascii: "-")):
      switch tokens.popFirst() {
      case .integer(let value): return .integer(-value)
      case .float(let value): return .float(-value)
      default: throw Unread()
      }
    case .symbol(UInt8(ascii: "(")):
      let (parts, hasComma) = try elements(")")
      return parts.count == 1 && !hasComma ? parts[0] : .tuple(parts)
    case .symbol(UInt8(ascii: "[")): return .list(try elements("]").0)
    case .symbol(UInt8(ascii: "{")):
      var entries: [(key: ScriptExpression, value: ScriptExpression)] = []
      while !take("}") {
        let key = try expression()
        guard take(":") else { throw Unread() }
        entries.append((key, try expression()))
        if take(",") { continue }
        guard take("}") else { throw Unread() }
        break
      }
      return .dictionary(entries)
    default: throw Unread()
    }
  }
}
