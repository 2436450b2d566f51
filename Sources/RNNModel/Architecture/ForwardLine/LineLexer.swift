/// A piece of a forward line.
struct LineToken {
  enum Kind: Equatable {
    /// `head.0` as its parts.
    case path([String])
    case quoted(String)
    case number(Double)
    case symbol(String)
    /// A semicolon, or a new line outside brackets; also the end of the text.
    case end
  }

  var kind: Kind
  var range: Range<Int>
}

/// Cuts a line into tokens. Comments, new lines within brackets and Python's docstrings are left out.
struct LineLexer {
  private let source: LineSource
  private var position = 0
  private var depth = 0
  private var tokens: [LineToken] = []

  static func tokens(_ source: LineSource) throws(RNNError) -> [LineToken] {
    var lexer = LineLexer(source)
    try lexer.run()
    return lexer.tokens
  }

  private init(_ source: LineSource) { self.source = source }

  private func scalar(_ offset: Int = 0) -> Unicode.Scalar? {
    source.scalars.indices.contains(position + offset) ? source.scalars[position + offset] : nil
  }

  private func isNext(_ text: String) -> Bool {
    text.unicodeScalars.enumerated().allSatisfy { scalar($0.offset) == $0.element }
  }

  private mutating func add(_ kind: LineToken.Kind, from start: Int) {
    tokens.append(LineToken(kind: kind, range: start..<position))
  }

  private static let symbols = ["...", "->", "**", "//", "==", "!=", "<=", ">=", "+=", "-=", "*=", "/=", ":="]

  private mutating func run() throws(RNNError) {
    while let next = scalar() {
      let start = position
      switch next {
      case " ", "\t", "\r", "\u{FEFF}", "\u{A0}": position += 1
      case "#": while let next = scalar(), next != "\n" { position += 1 }
      case "\\" where scalar(1) == "\n" || (scalar(1) == "\r" && scalar(2) == "\n"):
        while scalar() != "\n" { position += 1 }
        position += 1
      case "\n", ";":
        position += 1
        if next == ";" || depth == 0 { add(.end, from: start) }
      case "\"", "'":
        if isNext("\"\"\"") || isNext("'''") { try skipDocstring(next) } else { try quoted(next) }
      case _ where LineName.isStart(next): path()
      case "0"..."9": try number()
      case "." where isDigit(scalar(1)) && !isAfterValue: try number()
      default:
        let symbol = Self.symbols.first(where: isNext) ?? String(next)
        guard symbol.unicodeScalars.count > 1 || "()[]{},.:=+-*/%@<>!&|~^".unicodeScalars.contains(next) else {
          throw source.error(start, "\(LineName.quoted(symbol)) means nothing here",
            "leave it out, or put a name that contains it in double quotes")
        }
        position += symbol.unicodeScalars.count
        if "([{".contains(symbol) { depth += 1 }
        if ")]}".contains(symbol), depth > 0 { depth -= 1 }
        add(.symbol(symbol), from: start)
      }
    }
    add(.end, from: position)
  }

  private func isDigit(_ scalar: Unicode.Scalar?) -> Bool { scalar.map { ("0"..."9").contains($0) } ?? false }

  /// Whether a dot here leads to an attribute of what is before it.
  private var isAfterValue: Bool {
    guard let last = tokens.last, last.range.upperBound == position else { return false }
    switch last.kind {
    case .path, .quoted, .symbol(")"), .symbol("]"): return true
    default: return false
    }
  }

  private mutating func path() {
    let start = position
    var parts = [""]
    while let next = scalar() {
      if LineName.isPart(next) {
        parts[parts.count - 1].unicodeScalars.append(next)
      } else if next == ".", scalar(1).map(LineName.isPart) ?? false {
        parts.append("")
      } else {
        break
      }
      position += 1
    }
    add(.path(parts), from: start)
  }

  private mutating func skipDigits() {
    while isDigit(scalar()) { position += 1 }
  }

  private mutating func number() throws(RNNError) {
    let start = position
    skipDigits()
    // `0...` is a number and an ellipsis to nobody.
    if scalar() == ".", scalar(1) != "." {
      position += 1
      skipDigits()
    }
    if scalar() == "e" || scalar() == "E" {
      let sign = scalar(1) == "-" || scalar(1) == "+" ? 2 : 1
      if isDigit(scalar(sign)) {
        position += sign
        skipDigits()
      }
    }
    let text = source.text(start..<position)
    guard let value = Double(text.hasSuffix(".") ? text + "0" : text), value.isFinite else {
      throw source.error(start, "\(text) is beyond the largest float64", "write a smaller number")
    }
    add(.number(value), from: start)
  }

  private mutating func skipDocstring(_ quote: Unicode.Scalar) throws(RNNError) {
    let (start, mark) = (position, String(repeating: String(quote), count: 3))
    position += 3
    while !isNext(mark) {
      guard scalar() != nil else { throw source.error(start, "the text in \(mark) does not end", "end it with \(mark)") }
      position += 1
    }
    position += 3
  }

  private mutating func quoted(_ quote: Unicode.Scalar) throws(RNNError) {
    let start = position
    var text = ""
    position += 1
    while let next = scalar(), next != quote, next != "\n" {
      position += 1
      guard next == "\\" else {
        text.unicodeScalars.append(next)
        continue
      }
      guard let escaped = scalar() else { break }
      position += 1
      switch escaped {
      case "n": text += "\n"
      case "t": text += "\t"
      case "r": text += "\r"
      case "\\", "\"", "'": text.unicodeScalars.append(escaped)
      case "u" where scalar() == "{":
        var digits = ""
        position += 1
        while let digit = scalar(), digit != "}", digits.utf8.count <= 8 {
          digits.unicodeScalars.append(digit)
          position += 1
        }
        position += 1
        guard let value = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(value) else {
          throw source.error(start, "\\u{\(digits)} is no character", "write its code in hexadecimal, as \\u{1f}")
        }
        text.unicodeScalars.append(scalar)
      default:
        throw source.error(position - 2, "\\\(escaped) means nothing in a quoted name", "write \\\\ for a backslash")
      }
    }
    guard scalar() == quote else { throw source.error(start, "the quoted name does not end", "end it with \(quote)") }
    position += 1
    add(.quoted(text), from: start)
  }
}
