extension Forward {
  /// The forward as a line, which `Forward(line:modules:batchFirst:parameters:)` reads as the same steps in the same order.
  /// Steps must be of `modules`, and none be there twice.
  public func line(modules: [Module]) -> String {
    var printer = ForwardPrinter(self, modules)
    return printer.line()
  }

  /// The line with `(N)` behind inputs whose features are to be said.
  package func line(modules: [Module], askingFor inputs: [Int]) -> String {
    var printer = ForwardPrinter(self, modules)
    printer.asked = Set(inputs)
    return printer.line()
  }
}

/// Prints steps as nested expressions. A step becomes a part of the one that takes it where reading the result gives both
/// their places again; else it gets a name in a statement of its own.
private struct ForwardPrinter {
  private typealias Step = Forward.Step
  private typealias Value = Forward.Value

  /// A step's text and how it binds.
  private struct Expression {
    var text: String
    var level: Level
    var depth: Int
  }

  private enum Level: Int {
    case sum, product, sign, operand
  }

  /// Beyond these a part of an expression gets a name. The reader has a bound of its own on levels, two a step.
  private static let longest = 100
  private static let deepest = 12
  /// A recurrent call of which states are taken is repeated where it is no longer.
  private static let longestRepeated = 24

  /// Inputs whose features are asked for.
  var asked: Set<Int> = []
  private let forward: Forward
  private let moduleNames: Set<String>
  private let recurrentNames: Set<String>
  /// Names that mean something else than a new value.
  private var taken: Set<String>
  private var nextName = 0
  private var statements: [String] = []
  private var expressions: [Expression] = []
  private var useCounts: [Int]
  private var statesTaken: Set<Int> = []
  /// Steps whose expressions stand in no statement yet, each made wholly after the one before it.
  private var pending: [Int] = []
  /// The last step that stands in a statement.
  private var lastNamed = -1

  init(_ forward: Forward, _ modules: [Module]) {
    self.forward = forward
    moduleNames = Set(modules.map(\.name))
    recurrentNames = Set(modules.compactMap { if case .recurrent(let module) = $0 { module.name } else { nil } })
    taken = Set(forward.inputs.map(\.name))
    useCounts = [Int](repeating: 0, count: forward.steps.count)
    for step in forward.steps {
      for case .step(let number) in step.inputs {
        useCounts[number] += 1
        if case .state = step.operation { statesTaken.insert(number) }
      }
      switch step.operation {
      case .parameter(let name), .nothing(let name), .module(let name):
        taken.insert(String(name.prefix { $0 != "." }))
      default: break
      }
    }
    for case .step(let number) in forward.outputs.map(\.value) { useCounts[number] += 1 }
  }

  mutating func line() -> String {
    if let header { statements.append(header) }
    for index in forward.steps.indices {
      let step = forward.steps[index]
      let operands = take(step.inputs, deepest: Self.deepest)
      expressions.append(expression(step, operands))
      pending.append(index)
      if useCounts[index] != 1, useCounts[index] == 0 || !isRepeated(index) { name(through: pending.count - 1) }
    }
    let outputs = take(forward.outputs.map(\.value), deepest: .max)
    statements.append(outputs.map(\.text).joined(separator: ", "))
    return statements.joined(separator: "; ")
  }

  private var header: String? {
    let unnamed = forward.outputs.allSatisfy { $0.name == nil }
    guard !asked.isEmpty || forward.inputs != [Forward.Input()] || forward.outputs.count > 1 || !unnamed else { return nil }
    let inputs = forward.inputs.enumerated().map { index, input in
      // An input that nothing takes is one all the same where its name is quoted.
      let isUsed = forward.steps.contains { $0.inputs.contains(.input(index)) } || forward.outputs.contains { $0.value == .input(index) }
      let name = isUsed && LineName.isIdentifier(input.name) ? input.name : LineName.quoted(input.name)
      if let axes = input.axes { return "\(name)(\(axes.map(\.word).joined(separator: ", ")))" }
      return name + (asked.contains(index) ? "(N)" : input.features.map { "(\($0))" } ?? "")
    }
    let outputs = forward.outputs.map { output in
      output.name.map { LineName.isIdentifier($0) ? $0 : LineName.quoted($0) } ?? "_"
    }
    return "\(inputs.joined(separator: ", ")) -> \(outputs.joined(separator: ", "))"
  }

  // MARK: Order

  /// The expressions of what a step takes. Those that are pending become parts of it where they are the last ones made, in
  /// the order in which it takes them; others get names first.
  private mutating func take(_ values: [Value], deepest: Int) -> [Expression] {
    var wanted: [Int] = []
    for case .step(let number) in values where pending.contains(number) && !wanted.contains(number) { wanted.append(number) }
    let length = wanted.reduce(0) { $0 + expressions[$1].text.utf8.count }
    let depth = wanted.map { expressions[$0].depth }.max() ?? 0
    if length > Self.longest || depth >= deepest || repeatsTooEarly(values) { name(through: pending.count - 1) }
    var count = min(wanted.count, pending.count)
    while count > 0, Array(wanted.suffix(count)) != Array(pending.suffix(count)) { count -= 1 }
    if let last = pending.dropLast(count).lastIndex(where: wanted.contains) { name(through: last) }
    pending.removeLast(min(count, pending.count))
    return values.map { value in
      switch value {
      case .input(let number):
        let name = forward.inputs[number].name
        return Expression(text: LineName.isIdentifier(name) ? name : LineName.quoted(name), level: .operand, depth: 0)
      case .step(let number): return expressions[number]
      }
    }
  }

  /// Whether a repeated step would now be written before the expression in which it is made, and thereby be made earlier.
  private func repeatsTooEarly(_ values: [Value]) -> Bool {
    for (position, value) in values.enumerated() {
      guard case .step(let number) = value, number > lastNamed, let maker = pending.first(where: { $0 >= number }), maker != number
      else { continue }
      if values[position...].contains(.step(maker)), !values[..<position].contains(.step(maker)) { return true }
    }
    return false
  }

  /// Whether a step is written wherever it is used, since its text is short and made once.
  private func isRepeated(_ index: Int) -> Bool {
    guard expressions[index].text.utf8.count <= Self.longestRepeated else { return false }
    switch forward.steps[index].operation {
    case .constant, .parameter: return true
    case .module(let name): return statesTaken.contains(index) && recurrentNames.contains(name)
    default: return false
    }
  }

  /// Gives names to pending expressions up to one position.
  private mutating func name(through position: Int) {
    guard position >= 0 else { return }
    for index in pending[...position] {
      let name = newName()
      statements.append("\(name) = \(expressions[index].text)")
      expressions[index] = Expression(text: name, level: .operand, depth: 0)
    }
    lastNamed = pending[position]
    pending.removeFirst(position + 1)
  }

  private mutating func newName() -> String {
    let letters = Array("abcdefgijklmnopqrstuvw")
    while true {
      let name = nextName < letters.count ? String(letters[nextName]) : "v\(nextName - letters.count + 1)"
      nextName += 1
      if !taken.contains(name), !moduleNames.contains(name) {
        taken.insert(name)
        return name
      }
    }
  }

  // MARK: Text

  private func expression(_ step: Step, _ operands: [Expression]) -> Expression {
    let list = operands.map(\.text).joined(separator: ", ")
    let first = operands.first ?? Expression(text: "", level: .operand, depth: 0)
    var result = Expression(text: "", level: .operand, depth: 1 + (operands.map(\.depth).max() ?? 0))
    switch step.operation {
    case .module(let name):
      // Without a value in brackets it would be read as a method.
      let isPlain = LineName.isPath(name) && !operands.isEmpty
      result.text = "\(isPlain ? name : LineName.quoted(name))(\(list))"
    case .activation(.elementwise(let activation)):
      let parameters = activation.parameters.map { ", \($0.name)=\(LineFunction.written($0.value))" }.joined()
      result.text = "\(word(activation.name))(\(list)\(parameters))"
    case .activation(let function):
      let word = word(function.name)
      result.text = "\(word)(\(list)\(word == function.name ? "" : ", features"))"
    case .select(.last): result.text = "\(word("last"))(\(list))"
    case .select(.first): result.text = "\(word("first"))(\(list))"
    case .select(.at(let index)): result.text = "\(word("at"))(\(list), \(index))"
    case .overTime(let function): result.text = "\(word(function.rawValue))(\(list), time)"
    case .window(let function, let window): result.text = self.window(function, window, "", list)
    case .across(let function, let window, let channels): result.text = self.window(function, window, ", channels=\(channels)", list)
    case .interleave(let parts): result.text = "\(word("interleave"))(\(list), \(parts))"
    case .attend(let attention):
      let heads = attention.heads == 1 ? "" : ", heads=\(attention.heads)", scale = attention.scale.map { ", scale=\($0)" } ?? ""
      result.text = "\(word("attention"))(\(list)\(heads)\(scale))"
    case .repeated: result.text = "\(word("repeat"))(\(list))"
    case .flip: result.text = "\(word("flip"))(\(list))"
    case .concatenate: result.text = "\(word("cat"))(\(list))"
    case .state(let kind, let index): result.text = "\(bound(first, .operand)).\(kind.rawValue)[\(index)]"
    case .slice(let range):
      result.text = "\(bound(first, .operand))[..., \(range.lowerBound == 0 ? "" : "\(range.lowerBound)"):\(range.upperBound)]"
    case .arithmetic(let kind):
      result.level = kind == .add || kind == .subtract ? .sum : .product
      let above: Level = result.level == .sum ? .product : .sign
      let left = bound(first, result.level)
      let right = operands.count > 1 ? bound(operands[1], above) : ""
      result.text = "\(left) \(kind.rawValue) \(right)"
    case .constant(let values):
      let numbers = values.map(LineFunction.written)
      if values.count == 1 { result.level = .sign }
      result.text = values.count == 1 ? numbers[0] : "[\(numbers.joined(separator: ", "))]"
    case .parameter(let name):
      let isClear = !forward.inputs.contains { $0.name == name || $0.name == name.prefix { $0 != "." } }
      result.text = (isClear ? "" : "self.") + (isClear && LineName.isPath(name) ? name : LineName.quoted(name))
    case .nothing(let name):
      let root = String(name.prefix { $0 != "." })
      let isPlain = LineResolver.isDropout(name) && LineName.isPath(name) && !moduleNames.contains(name)
        && !forward.inputs.contains { $0.name == root } && !LineResolver.functionPrefixes.contains { name.hasPrefix($0) }
        && !LineFunction.isKnown(name)
      result.text = isPlain ? "\(name)(\(list))" : "\(word("nothing"))(\(list), \(LineName.quoted(name)))"
    }
    return result
  }

  private func window(_ function: WindowFunction, _ window: TimeWindow, _ positions: String, _ list: String) -> String {
    if function == .join, window.size == 1, window.stride == 1, window.dilation == 1 {
      return "\(word("pad"))(\(list), \(window.before), \(window.after)\(positions))"
    }
    var parts = ["\(window.size)"]
    if window.stride != window.size { parts.append("stride=\(window.stride)") }
    if window.dilation != 1 { parts.append("dilation=\(window.dilation)") }
    if window.before != 0 || window.after != 0 { parts.append("padding=[\(window.before), \(window.after)]") }
    if function == .average(countsPadding: false) { parts.append("count_include_pad=False") }
    return "\(word(function.word))(\(list), \(parts.joined(separator: ", "))\(positions))"
  }

  private func bound(_ expression: Expression, _ level: Level) -> String {
    expression.level.rawValue < level.rawValue ? "(\(expression.text))" : expression.text
  }

  /// One of our words, with a prefix where a module or an input has its name.
  private func word(_ word: String) -> String {
    let spellings = [""] + LineResolver.functionPrefixes.filter { $0 != "self." }.sorted { $0.utf8.count < $1.utf8.count }
    return spellings.map { $0 + word }.first { spelling in
      !moduleNames.contains(spelling)
        && (spelling == word || !forward.inputs.contains { $0.name == spelling.prefix { $0 != "." } })
    } ?? word
  }
}

extension Forward.Input.Axis {
  /// `batch`, `time`, or how many features there are along it.
  public var word: String {
    switch self {
    case .batch: "batch"
    case .time: "time"
    case .size(let size): "\(size)"
    }
  }
}
