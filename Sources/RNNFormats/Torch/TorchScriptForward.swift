import RNNModel

/// The modules that a class's `forward` calls, each on what the one before it gave, as its code in a TorchScript archive
/// shows them.
///
/// The code is compared line by line with what such a chain is written as. Whatever else stands in it is the `problem`.
package struct TorchScriptForward {
  /// The attributes called, in order.
  package private(set) var called: [String] = []
  /// The first line that is no part of a chain; nil where all of them are.
  package private(set) var problem: String?

  private enum Value {
    case module(String)
    /// What the call of that number gave, 0 being the input.
    case data(Int)
    /// What a recurrent module may start from: an input of the model's or zeros.
    case start
    /// A state that a recurrent module has left, which goes nowhere but out of the model.
    case state
    /// torch.nn.functional.dropout. Whether it draws random numbers is another question.
    case dropout
    /// Whether the module is in training.
    case training
  }

  private var values: [Substring: Value] = [:]
  /// The name that the code has for the module itself.
  private var own: Substring = "self"

  /// Nil where the class has no `forward`.
  package init?(_ lines: [Substring]) {
    guard let start = lines.firstIndex(where: { $0.hasPrefix("  def forward(") }) else { return nil }
    // The parameters end with the line that ends in a colon.
    guard let end = lines[start...].firstIndex(where: { $0.hasSuffix(":") }) else { return nil }
    let head = lines[start...end].joined(separator: " ")[...]
    guard let open = head.firstIndex(of: "(") else { return nil }
    var isFirst = true
    for (index, parameter) in Self.parts(head[head.index(after: open)...]).enumerated() {
      let name = parameter.prefix { $0 != ":" }.trimmed
      if index == 0 {
        own = name
      } else {
        values[name] = isFirst ? .data(0) : .start
        isFirst = false
      }
    }
    for line in lines[(end + 1)...] {
      if line.hasPrefix("  def ") { break }
      let text = line.trimmed
      guard !text.isEmpty, !reads(text) else { continue }
      problem = String(text.prefix(120))
      break
    }
  }

  private mutating func reads(_ line: Substring) -> Bool {
    if line.hasPrefix("return ") {
      let result = line.dropFirst("return ".count).trimmed
      return Self.elements(of: result).allSatisfy { value($0) != nil }
    }
    guard let equals = line.firstRange(of: " = ") else { return false }
    let names = Self.parts(line[..<equals.lowerBound])
    let right = line[equals.upperBound...].trimmed
    guard let first = names.first else { return false }
    if right == own + ".training" || right == "__torch__.torch.nn.functional.dropout" {
      values[first] = right.hasSuffix("dropout") ? .dropout : .training
      return names.count == 1
    }
    if let attribute = attribute(right) {
      values[first] = .module(attribute)
      return names.count == 1
    }
    if ["torch.zeros(", "torch.size(", "ops.prim.NumToTensor("].contains(where: right.hasPrefix) {
      values[first] = .start
      return names.count == 1
    }
    guard let value = value(right) else { return false }
    values[first] = value
    for name in names.dropFirst() { values[name] = .state }
    return true
  }

  /// `self.fc` or `getattr(self, "0")`.
  private func attribute(_ text: Substring) -> String? {
    if text.hasPrefix(own + ".") {
      let name = text.dropFirst(own.count + 1)
      return name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" } ? String(name) : nil
    }
    let head = "getattr(\(own), \"", tail = "\")"
    guard text.hasPrefix(head), text.hasSuffix(tail), text.count > head.count + tail.count else { return nil }
    return String(text.dropFirst(head.count).dropLast(tail.count))
  }

  /// What an expression of names and calls gives.
  private mutating func value(_ text: Substring, depth: Int = 0) -> Value? {
    guard depth < Limits.maximumDepth else { return nil }
    switch values[text] {
    case .data(let number)?: return .data(number)
    case .start?: return .start
    case .state?: return .state
    case .module?, .dropout?, .training?: return nil
    case nil: break
    }
    if let open = text.firstIndex(of: "("), text.hasSuffix(")") {
      var isDropout = text[..<open] == "torch.dropout"
      if case .dropout? = values[text[..<open]] { isDropout = true }
      if isDropout, let first = Self.parts(text[text.index(after: open)...].dropLast()).first {
        guard case .data(let number)? = value(first, depth: depth + 1) else { return nil }
        return .data(number)
      }
    }
    guard text.hasPrefix("("), let close = Self.close(text) else { return nil }
    let inner = text[text.index(after: text.startIndex)..<close].trimmed
    let rest = text[text.index(after: close)...]
    if rest.isEmpty { return value(inner, depth: depth + 1) }
    // The output of a recurrent module's pair.
    if rest == "[0]" {
      guard case .data(let number)? = value(inner, depth: depth + 1), number > 0 else { return nil }
      return .data(number)
    }
    guard case .module(let name)? = values[inner], rest.hasSuffix(")"),
      let open = rest.firstIndex(of: "("), [".forward", ".forward__0"].contains(String(rest[..<open]))
    else { return nil }
    let arguments = Self.parts(rest[rest.index(after: open)...].dropLast())
    guard let first = arguments.first, case .data(called.count)? = value(first, depth: depth + 1) else { return nil }
    for other in arguments.dropFirst() where other != "None" {
      for part in Self.elements(of: other) {
        guard case .start? = value(part, depth: depth + 1) else { return nil }
      }
    }
    called.append(name)
    return .data(called.count)
  }

  /// What a recurrent module of torch gives first in traced code, where that is a state rather than its output: the text
  /// that returns it. The tracer leaves out what nobody uses. Nil where it is the output, and for scripted code, which
  /// always gives both.
  package static func stateGiven(_ lines: [Substring], isLSTMCell: Bool) -> String? {
    guard let start = lines.firstIndex(where: { $0.hasPrefix("  def forward(") }) else { return nil }
    var bound: [Substring: (text: Substring, isFirst: Bool)] = [:]
    for line in lines[(start + 1)...].prefix(while: { !$0.hasPrefix("  def ") }) {
      let text = line.trimmed
      if text.hasPrefix("return ") {
        guard let first = elements(of: text.dropFirst("return ".count).trimmed).first else { return nil }
        let (result, isFirst) = bound[first] ?? (first, true)
        let isSequence = ["torch.lstm(", "torch.gru(", "torch.rnn_tanh(", "torch.rnn_relu("].contains(where: result.hasPrefix)
        // A cell is spelled out: c is a sum, h a product with its tanh.
        let isCellState = isLSTMCell && result.hasPrefix("torch.add")
        return isSequence && !isFirst || isCellState ? String(text.prefix(120)) : nil
      }
      guard let equals = text.firstRange(of: " = ") else { continue }
      for (index, name) in parts(text[..<equals.lowerBound]).enumerated() {
        bound[name] = (text[equals.upperBound...].trimmed, index == 0)
      }
    }
    return nil
  }

  /// The elements of a tuple's text, or the text itself.
  private static func elements(of text: Substring) -> [Substring] {
    guard text.hasPrefix("("), let close = close(text), text.index(after: close) == text.endIndex else { return [text] }
    return parts(text[text.index(after: text.startIndex)..<close])
  }

  // By bytes, as hostile code may be long.

  /// Where the bracket that a text begins with is closed.
  private static func close(_ text: Substring) -> Substring.Index? {
    var depth = 0
    for index in text.utf8.indices {
      depth += nesting(text.utf8[index])
      if depth == 0 { return index }
    }
    return nil
  }

  /// Cut at the commas that stand in no brackets, up to a bracket that was opened before the text.
  private static func parts(_ text: Substring) -> [Substring] {
    var parts: [Substring] = []
    var depth = 0, start = text.startIndex, end = text.endIndex
    func add(_ end: String.Index) {
      let part = text[start..<end].trimmed
      if !part.isEmpty { parts.append(part) }
    }
    for index in text.utf8.indices {
      let byte = text.utf8[index]
      depth += nesting(byte)
      if depth < 0 {
        end = index
        break
      }
      if depth == 0, byte == UInt8(ascii: ",") {
        add(index)
        start = text.utf8.index(after: index)
      }
    }
    add(end)
    return parts
  }

  private static func nesting(_ byte: UInt8) -> Int {
    switch byte {
    case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"): 1
    case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"): -1
    default: 0
    }
  }
}
