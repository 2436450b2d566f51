import RNNModel

extension JSONValue {
  /// The value as JSON on one line, members in order. A number that is not finite, which JSON lacks, becomes a string.
  public var text: String {
    var result = ""
    write(to: &result, indentation: nil)
    return result
  }

  /// The value as JSON over several lines, for people.
  public var indentedText: String {
    var result = ""
    write(to: &result, indentation: 0)
    return result
  }

  private func write(to result: inout String, indentation: Int?) {
    func newLine(_ extra: Int) {
      if let indentation { result += "\n" + String(repeating: "  ", count: indentation + extra) }
    }
    switch self {
    case .null: result += "null"
    case .bool(let value): result += value ? "true" : "false"
    case .integer(let value): result += String(value)
    case .largeInteger(let digits): result += digits
    case .number(let value): result += value.isFinite ? value.description : "\"\(value)\""
    case .string(let value): Self.write(value, to: &result)
    case .array(let elements):
      // Arrays of plain numbers, such as shapes, stay on one line.
      let isFlat = elements.allSatisfy { $0.array == nil && $0.members == nil }
      result += "["
      for (index, element) in elements.enumerated() {
        if index > 0 { result += isFlat && indentation != nil ? ", " : "," }
        if !isFlat { newLine(1) }
        element.write(to: &result, indentation: indentation.map { $0 + 1 })
      }
      if !isFlat { newLine(0) }
      result += "]"
    case .object(let members):
      result += "{"
      for (index, member) in members.enumerated() {
        if index > 0 { result += "," }
        newLine(1)
        Self.write(member.key, to: &result)
        result += indentation == nil ? ":" : ": "
        member.value.write(to: &result, indentation: indentation.map { $0 + 1 })
      }
      if !members.isEmpty { newLine(0) }
      result += "}"
    }
  }

  private static func write(_ string: String, to result: inout String) {
    result += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\u{0}"..<"\u{20}", "\u{7F}":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    result += "\""
  }
}
