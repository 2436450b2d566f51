import RNNModel

/// A piece of TorchScript.
enum ScriptToken: Equatable {
  case name(String)
  case integer(Int)
  case float(Double)
  case string(String)
  case symbol(UInt8)
}

/// A statement's tokens: a line, and those after it until every bracket is closed.
struct ScriptLine {
  /// Of the first line, from 1 on.
  var number: Int
  /// Spaces before it.
  var indent: Int
  var tokens: [ScriptToken]
}

/// Cuts TorchScript, the regular subset of Python that PyTorch writes into its archives, into lines of tokens.
struct ScriptLexer {
  private let bytes: [UInt8]
  private var position = 0
  private var number = 1
  private var lines: [ScriptLine] = []
  private var current: ScriptLine?
  private var depth = 0

  static func lines(_ text: String) -> [ScriptLine] {
    var lexer = ScriptLexer(bytes: Array(text.utf8))
    lexer.run()
    return lexer.lines
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private func byte(_ offset: Int = 0) -> UInt8? {
    position + offset < bytes.count ? bytes[position + offset] : nil
  }

  private mutating func run() {
    var indent = 0
    while let next = byte() {
      switch next {
      case UInt8(ascii: "\n"):
        position += 1
        number += 1
        indent = 0
        if depth == 0 { close() }
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
        position += 1
        indent += 1
      case UInt8(ascii: "#"):
        while let next = byte(), next != UInt8(ascii: "\n") { position += 1 }
      default:
        if current == nil { current = ScriptLine(number: number, indent: indent, tokens: []) }
        let token = token(next)
        current?.tokens.append(token)
      }
    }
    close()
  }

  private mutating func close() {
    if let current { lines.append(current) }
    current = nil
    depth = 0
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "_") || byte >= 0x80
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

  private mutating func token(_ first: UInt8) -> ScriptToken {
    if Self.isLetter(first) {
      let start = position
      while let next = byte(), Self.isLetter(next) || Self.isDigit(next) { position += 1 }
      return .name(String(decoding: bytes[start..<position], as: UTF8.self))
    }
    if Self.isDigit(first) || (first == UInt8(ascii: ".") && byte(1).map(Self.isDigit) ?? false) { return literal() }
    if first == UInt8(ascii: "\"") || first == UInt8(ascii: "'") { return string(first) }
    position += 1
    switch first {
    case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
    case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"): depth = max(0, depth - 1)
    default: break
    }
    return .symbol(first)
  }

  private mutating func literal() -> ScriptToken {
    let start = position
    var isFloat = false
    loop: while let next = byte() {
      switch next {
      case _ where Self.isDigit(next): break
      case UInt8(ascii: "."): isFloat = true
      case UInt8(ascii: "e"), UInt8(ascii: "E"):
        isFloat = true
        if byte(1) == UInt8(ascii: "-") || byte(1) == UInt8(ascii: "+") { position += 1 }
      default: break loop
      }
      position += 1
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if !isFloat, let value = Int(text) { return .integer(value) }
    // `2.` is no number to Swift; what is none to Python either is no name that anything has.
    if let value = Double(text.hasSuffix(".") ? text + "0" : text), value.isFinite { return .float(value) }
    return .name(text)
  }

  private mutating func string(_ quote: UInt8) -> ScriptToken {
    position += 1
    var text: [UInt8] = []
    while let next = byte(), next != quote, next != UInt8(ascii: "\n") {
      position += 1
      guard next == UInt8(ascii: "\\"), let escaped = byte() else {
        text.append(next)
        continue
      }
      position += 1
      text.append(escaped == UInt8(ascii: "n") ? UInt8(ascii: "\n") : escaped)
    }
    if byte() == quote { position += 1 }
    return .string(String(decoding: text, as: UTF8.self))
  }
}
