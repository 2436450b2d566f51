import RNNModel

/// Spells a graph as a forward line: `fc(last(lstm(x)))`, with names for what is used twice.
struct ScriptLineWriter {
  private let graph: ScriptGraph
  /// Names that mean modules and tensors of the model.
  private let taken: Set<String>
  private let isLengthAware: Bool
  private var texts: [Int: (text: String, rank: Rank, depth: Int)] = [:]
  private var statements: [String] = []
  private var nameCount = 0

  /// How tightly a text binds.
  private enum Rank: Int, Comparable {
    case sum, product, negation, whole
    static func < (left: Rank, right: Rank) -> Bool { left.rawValue < right.rawValue }
  }

  /// Levels of brackets after which a value gets a name.
  private static let maximumDepth = 24

  init(_ graph: ScriptGraph, taken: Set<String>, isLengthAware: Bool) {
    (self.graph, self.taken, self.isLengthAware) = (graph, taken, isLengthAware)
  }

  /// - Parameters:
  ///   - outputs: Steps, with names where the code has any.
  ///   - inputs: The names of the inputs of `forward()`.
  ///   - sizes: What is said of an input's axes behind its name; empty where nothing is.
  /// - Returns: Nil where the model has a module by a name that the line needs.
  mutating func line(_ outputs: [(name: String?, step: Int)], inputs: [String], sizes: (Int) -> String) -> String? {
    var uses: [Int: Int] = [:]
    var open = outputs.map(\.step)
    for step in open { uses[step, default: 0] += 1 }
    while let step = open.popLast() {
      for input in graph.steps[step].inputs {
        if uses[input] == nil { open.append(input) }
        uses[input, default: 0] += 1
      }
    }
    let reached = uses.keys.sorted()
    guard !reached.isEmpty else { return nil }
    let used: [Int] = reached.compactMap { if case .input(let number) = graph.steps[$0].operation { number } else { nil } }.sorted()
    guard !used.isEmpty else { return nil }
    var inputNames: [Int: String] = [:]
    for number in used {
      let name = used.count == 1 ? "x" : inputs[number]
      guard Self.isIdentifier(name), !taken.contains(name), !Self.reserved.contains(name) else {
        inputNames[number] = freeName(prefix: "x")
        continue
      }
      inputNames[number] = name
    }
    let names = Set(inputNames.values)
    guard names.count == used.count else { return nil }
    var hasHeader = used.count > 1 || names != ["x"] || used.contains { !sizes($0).isEmpty }
    let outputNames = self.names(ofOutputs: outputs)
    if outputNames != nil { hasHeader = true }
    for step in reached {
      guard var text = spell(step, inputNames) else { return nil }
      let isValue: Bool
      switch graph.steps[step].operation {
      case .input, .constant, .parameter: isValue = true
      default: isValue = false
      }
      if !isValue, (uses[step] ?? 0) > 1 || text.depth > Self.maximumDepth {
        let name = freeName(prefix: "", avoiding: names)
        statements.append("\(name) = \(text.text)")
        text = (name, .whole, 0)
      }
      texts[step] = text
    }
    if hasHeader {
      let given = outputNames?.map(Self.spelled) ?? outputs.map { _ in "_" }
      statements.insert(
        used.compactMap { number in inputNames[number].map { $0 + sizes(number) } }.joined(separator: ", ") + " -> " + given.joined(separator: ", "), at: 0)
    }
    statements.append(outputs.map { texts[$0.step]?.text ?? "" }.joined(separator: ", "))
    return statements.joined(separator: "; ")
  }

  /// What the line's reader would call several outputs: each by its own name or its number, `y0`, where these differ. Nil
  /// where that is by numbers alone.
  private func names(ofOutputs outputs: [(name: String?, step: Int)]) -> [String]? {
    guard outputs.count > 1, outputs.contains(where: { $0.name != nil }) else { return nil }
    let names = outputs.enumerated().map { $1.name ?? "y\($0)" }
    return Set(names).count == names.count ? names : nil
  }

  /// a, b, … z, a1, b1 …, without those that are something else.
  private mutating func freeName(prefix: String, avoiding others: Set<String> = []) -> String {
    while true {
      let letter = String(Unicode.Scalar(UInt8(97 + nameCount % 26)))
      let name = prefix + letter + (nameCount < 26 ? "" : "\(nameCount / 26)")
      nameCount += 1
      if name != "x", !taken.contains(name), !Self.reserved.contains(name), !others.contains(name) { return name }
    }
  }

  private static let reserved: Set<String> = [
    "F", "nn", "torch", "self", "as", "at", "do", "if", "in", "is", "or", "inf", "nan", "last", "first", "cat", "flip",
    "time", "relu", "tanh", "sigmoid", "softmax", "def", "for", "and", "not", "try", "del", "None", "True", "False", "input",
    "output", "return", "class", "pass", "while", "else", "elif", "from", "import", "lambda", "with", "yield", "print",
    "global", "assert", "break", "continue", "except", "finally", "raise", "nonlocal", "async", "await",
  ]

  private func spell(_ step: Int, _ inputNames: [Int: String]) -> (text: String, rank: Rank, depth: Int)? {
    let inputs = graph.steps[step].inputs.map { texts[$0] ?? ("", .whole, 0) }
    let depth = (inputs.map(\.depth).max() ?? 0) + 1
    func call(_ name: String, _ more: [String] = []) -> (String, Rank, Int) {
      ("\(name)(\((inputs.map(\.text) + more).joined(separator: ", ")))", .whole, depth)
    }
    /// Our own words, which a module of that name hides.
    func own(_ name: String, _ more: [String] = []) -> (String, Rank, Int)? { taken.contains(name) ? nil : call(name, more) }
    func bound(_ index: Int, atLeast rank: Rank) -> String {
      inputs[index].rank < rank ? "(\(inputs[index].text))" : inputs[index].text
    }
    switch graph.steps[step].operation {
    case .input(let number): return (inputNames[number] ?? "x", .whole, 0)
    case .module(let name): return call(Self.spelledModule(name))
    case .function(let name, let numbers):
      return call(taken.contains(name) ? "F." + name : name, numbers.map(Self.spelled))
    case .last: return isLengthAware ? own("at", ["-1"]) : own("last")
    case .first: return own("first")
    case .at(let index): return own("at", ["\(index)"])
    case .state(let kind, let index): return ("\(bound(0, atLeast: .whole)).\(kind)[\(index)]", .whole, depth)
    case .flip: return own("flip")
    case .overTime(let function): return own(function.rawValue, ["time"])
    case .window(.join, let window) where window.size == 1 && window.stride == 1: return own("pad", ["\(window.before)", "\(window.after)"])
    case .window(let function, let window): return own(function.word, Self.arguments(function, window))
    case .across(.join, let window, let channels) where window.size == 1 && window.stride == 1:
      return own("pad", ["\(window.before)", "\(window.after)", "channels=\(channels)"])
    case .across(let function, let window, let channels): return own(function.word, Self.arguments(function, window) + ["channels=\(channels)"])
    case .interleave(let parts): return own("interleave", ["\(parts)"])
    case .attend(let scale): return own("attention", scale.map { ["scale=\($0)"] } ?? [])
    case .slice(let lower, let upper):
      let range = "\(lower.flatMap { $0 == 0 ? nil : String($0) } ?? ""):\(upper.map(String.init) ?? "")"
      return ("\(bound(0, atLeast: .whole))[..., \(range)]", .whole, depth)
    case .concatenation: return call(taken.contains("cat") ? "torch.cat" : "cat")
    case .negation: return ("-" + bound(0, atLeast: .whole), .negation, depth)
    case .arithmetic(let sign):
      let rank: Rank = sign == "+" || sign == "-" ? .sum : .product
      // What stands behind - or / is bracketed where it is of the same rank, which PyTorch computed first.
      let next: Rank = rank == .sum ? .product : .negation
      return ("\(bound(0, atLeast: rank)) \(sign) \(bound(1, atLeast: next))", rank, depth)
    case .constant(let numbers):
      if numbers.count == 1 { return (Self.spelled(numbers[0]), numbers[0] < 0 ? .negation : .whole, 0) }
      return ("[\(numbers.map(Self.spelled).joined(separator: ", "))]", .whole, 1)
    case .parameter(let name): return (Self.spelledParameter(name), .whole, 0)
    }
  }

  private static func arguments(_ function: WindowFunction, _ window: TimeWindow) -> [String] {
    var parts = ["\(window.size)"]
    if window.stride != window.size { parts.append("stride=\(window.stride)") }
    if window.dilation != 1 { parts.append("dilation=\(window.dilation)") }
    if window.before != 0 || window.after != 0 { parts.append("padding=[\(window.before), \(window.after)]") }
    if function == .average(countsPadding: false) { parts.append("count_include_pad=False") }
    return parts
  }

  private static func isIdentifier(_ name: String) -> Bool {
    guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return false }
    return isPart(name)
  }

  private static func isPart(_ name: some StringProtocol) -> Bool {
    !name.isEmpty
      && name.utf8.allSatisfy { byte in
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "_")
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      }
  }

  /// Names that the line takes for something else than a module or tensor.
  private static let words: Set<String> = [
    "last", "first", "at", "cat", "flip", "dropout", "relu", "tanh", "sigmoid", "softmax", "log_softmax", "leaky_relu", "elu",
    "softplus", "softsign", "hardsigmoid", "hard_sigmoid", "identity", "self", "torch", "F", "nn", "inf", "nan", "x", "time",
    "mean", "max", "min", "sum", "abs", "exp", "log", "clamp", "zeros", "concat", "squeeze", "unsqueeze", "transpose", "permute",
    "add", "mul", "sub", "div", "gelu", "silu", "mish", "selu", "thresholded_relu", "scaled_tanh", "affine", "pad", "join", "max_pool", "avg_pool", "interleave", "attention",
    "repeat", "nothing", "amax", "batch", "flatten", "unflatten", "reshape", "view", "movedim",
  ]

  /// `head.0` as it is, other names in quotes.
  private static func spelledModule(_ name: String) -> String {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard let first = parts.first, parts.allSatisfy(isPart), isIdentifier(String(first)), !words.contains(String(first)),
      !reserved.contains(String(first))
    else { return LineName.quoted(name) }
    return name
  }

  private static func spelledParameter(_ name: String) -> String {
    let text = spelledModule(name)
    return text == name ? "self." + name : text
  }

  private static func spelled(_ name: String) -> String {
    isIdentifier(name) && !reserved.contains(name) ? name : LineName.quoted(name)
  }

  /// The shortest text of a number, whole ones without a point.
  private static func spelled(_ number: Double) -> String {
    if let whole = Int(exactly: number), abs(whole) < 1 << 53, !(whole == 0 && number.sign == .minus) { return "\(whole)" }
    return "\(number)"
  }
}
