/// The text of a forward line, and where errors are in it.
struct LineSource {
  let scalars: [Unicode.Scalar]

  init(_ text: String) throws(RNNError) {
    guard text.utf8.count <= Limits.maximumLineLength else {
      throw RNNError(.usage, place: "forward", "more than \(Limits.maximumLineLength) bytes",
        remedy: "give a shorter line, of a part of the model")
    }
    scalars = Array(text.unicodeScalars)
  }

  func text(_ range: Range<Int>) -> String {
    var text = String.UnicodeScalarView()
    text.append(contentsOf: scalars[range.clamped(to: 0..<scalars.count)])
    return String(text)
  }

  /// An error at an offset, its place in columns that count characters from 1 on, and lines where there are several.
  func error(_ offset: Int, _ problem: Phrase, _ remedy: Phrase) -> RNNError {
    let before = scalars[..<min(offset, scalars.count)]
    let column = before.count - (before.lastIndex(of: "\n").map { $0 + 1 } ?? 0) + 1
    let line = before.count { $0 == "\n" } + 1
    let place = scalars.contains("\n") ? "forward, line \(line), column \(column)" : "forward, column \(column)"
    return RNNError(.usage, place: place, problem, remedy: remedy)
  }

  @_disfavoredOverload
  func error(_ offset: Int, _ problem: String, _ remedy: String) -> RNNError {
    error(offset, Phrase(problem), Phrase(remedy))
  }
}

/// How names are spelled: plain ones as they are, others in quotes.
package enum LineName {
  /// What Python or the line itself uses otherwise.
  static let reserved: Set<String> = [
    "return", "def", "None", "True", "False", "if", "else", "elif", "for", "in", "with", "and", "or", "not", "lambda", "import",
    "from", "class", "assert", "del", "pass", "is", "while", "try", "except", "raise", "yield", "async", "await", "global",
    "inf", "nan", "self", "_",
  ]

  static func isStart(_ scalar: Unicode.Scalar) -> Bool {
    scalar == "_" || ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
  }

  static func isPart(_ scalar: Unicode.Scalar) -> Bool { isStart(scalar) || ("0"..."9").contains(scalar) }

  /// A letter or underscore, then letters, digits and underscores.
  static func isIdentifier(_ text: some StringProtocol) -> Bool {
    guard let first = text.unicodeScalars.first, isStart(first), text.unicodeScalars.allSatisfy(isPart) else { return false }
    return !reserved.contains(String(text))
  }

  /// Whether it can stand without quotes: an identifier, with further parts after dots, numbers among them.
  static func isPath(_ text: String) -> Bool {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard let first = parts.first, isIdentifier(first) else { return false }
    return parts.dropFirst().allSatisfy { !$0.isEmpty && $0.unicodeScalars.allSatisfy(isPart) }
  }

  package static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case "\n": result += "\\n"
      case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value): result += "\\u{\(String(scalar.value, radix: 16))}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
