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
    /// A recurrent module's states, or ones to start from.
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
    let head = lines[start...end].joined(separator: " ")
    guard let open = head.firstIndex(of: "(") else { return nil }
    var isFirst = true
    for (index, parameter) in Self.parts(head[head.index(after: open)...]).enumerated() {
      let name = parameter.prefix { $0 != ":" }.trimmed
      if index == 0 {
        own = name
      } else {
        values[name] = isFirst ? .data(0) : .state
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
      // Of a state to start from, which is all it can be used for here.
      values[first] = .state
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
        guard case .state? = value(part, depth: depth + 1) else { return nil }
      }
    }
    called.append(name)
    return .data(called.count)
  }

  /// The elements of a tuple's text, or the text itself.
  private static func elements(of text: Substring) -> [Substring] {
    guard text.hasPrefix("("), let close = close(text), text.index(after: close) == text.endIndex else { return [text] }
    return parts(text[text.index(after: text.startIndex)..<close])
  }

  /// Where the bracket that a text begins with is closed.
  private static func close(_ text: Substring) -> Substring.Index? {
    var depth = 0
    for index in text.indices {
      if "([{".contains(text[index]) { depth += 1 }
      if ")]}".contains(text[index]) { depth -= 1 }
      if depth == 0 { return index }
    }
    return nil
  }

  /// Cut at the commas that stand in no brackets, up to a bracket that was opened before the text.
  private static func parts(_ text: some StringProtocol) -> [Substring] {
    var parts: [Substring] = []
    var depth = 0, start = text.startIndex, end = text.endIndex
    func add(_ end: String.Index) {
      let part = Substring(text[start..<end]).trimmed
      if !part.isEmpty { parts.append(part) }
    }
    scan: for index in text.indices {
      switch text[index] {
      case "(", "[", "{": depth += 1
      case ")", "]", "}":
        depth -= 1
        if depth < 0 {
          end = index
          break scan
        }
      case "," where depth == 0:
        add(index)
        start = text.index(after: index)
      default: break
      }
    }
    add(end)
    return parts
  }
}
