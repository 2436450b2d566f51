/// Statements that say what a module was made with: `conv = Conv1d(stride=2)`, `self.norm = nn.LayerNorm(8)`, and what an
/// `nn.Sequential` holds.
extension LineSyntax {
  /// What a statement declares of a module.
  enum Declared {
    /// Of one with tensors, or a pool.
    case module(ModuleDeclaration)
    /// What its call does.
    case call(ModuleCall)
  }

  /// Modules' names and what they are declared to be, each before what holds it; nil for a statement that declares none.
  func declarations(_ statement: Statement) -> [(module: String, declared: Declared)]? {
    guard case .assignment(let target, let node) = statement else { return nil }
    switch target {
    case .name(let name), .module(let name): return declarations(name, node, depth: 0)
    case .tuple: return nil
    }
  }

  /// Whether a statement declares modules, or what a constructor keeps: `self.hidden_size = 64`.
  func isDeclaration(_ statement: Statement) -> Bool { declarations(statement) != nil || constants(statement) != nil }

  /// What a constructor keeps under names of its own, with numbers where they are one; nil for a statement that keeps nothing so.
  func constants(_ statement: Statement) -> [(name: String, number: Double?)]? {
    guard case .assignment(let target, let node) = statement else { return nil }
    switch (target, nodes[node].kind) {
    case (.module(let name), _):
      guard let value = literal(node) else { return nil }
      return [(name, value.number)]
    case (.tuple(let targets), .tuple(let parts)) where targets.count == parts.count:
      var result: [(name: String, number: Double?)] = []
      for (target, part) in zip(targets, parts) {
        guard case .module(let name) = target, let value = literal(part) else { return nil }
        result.append((name, value.number))
      }
      return result
    default: return nil
    }
  }

  private func declarations(_ module: String, _ node: Int, depth: Int) -> [(module: String, declared: Declared)]? {
    guard depth < 8, case .call(let callee, let arguments) = nodes[node].kind, case .name(let parts) = nodes[callee].kind, let last = parts.last,
      [[], ["nn"], ["torch", "nn"]].contains(Array(parts.dropLast()))
    else { return nil }
    if ModuleDeclaration.parameters[last] != nil {
      var declaration = ModuleDeclaration(last)
      for argument in arguments {
        guard let value = literal(argument.value) else { return nil }
        declaration.arguments.append(.init(argument.keyword, value))
      }
      return [(module, .module(declaration))]
    }
    if last == "ModuleList", arguments.count == 1, case .list(let parts) = nodes[arguments[0].value].kind {
      var result: [(module: String, declared: Declared)] = []
      for (index, part) in parts.enumerated() {
        guard let inner = declarations("\(module).\(index)", part, depth: depth + 1) else { return nil }
        result += inner
      }
      return result
    }
    if last == "Sequential", !arguments.isEmpty, arguments.allSatisfy({ $0.keyword == nil }) {
      var result: [(module: String, declared: Declared)] = [], names: [String] = []
      for (index, argument) in arguments.enumerated() {
        let name = "\(module).\(index)"
        guard let inner = declarations(name, argument.value, depth: depth + 1) else { return nil }
        result += inner
        names.append(name)
      }
      return result + [(module, .call(.sequence(names)))]
    }
    return call(last, arguments).map { [(module, .call($0))] }
  }

  /// What a module without tensors does that is no pool.
  private func call(_ name: String, _ arguments: [Argument]) -> ModuleCall? {
    if name == "Identity" || name.hasSuffix("Dropout") || name.hasPrefix("Dropout") { return .nothing }
    let words = ["LeakyReLU": "leaky_relu", "Hardsigmoid": "hardsigmoid", "Hardtanh": "hardtanh"]
    let plain = ["ReLU", "ReLU6", "Tanh", "Sigmoid", "SiLU", "GELU", "ELU", "Softsign"]
    guard let word = words[name] ?? (plain.contains(name) ? name.lowercased() : nil) else { return nil }
    var given: [LineFunction.Given] = []
    for argument in arguments where argument.keyword != "inplace" {
      let value = literal(argument.value)
      // A last truth value is inplace.
      if case .bool? = value { continue }
      var written: String?
      if case .text(let text)? = value { written = text }
      given.append(LineFunction.Given(keyword: argument.keyword, number: value?.number, text: written, isNone: value == .nothing))
    }
    guard case .success(let activation) = LineFunction.activation(word, given, isLayer: false) else { return nil }
    return .activation(activation)
  }

  /// What is written out: a number, a truth value, a text, or several numbers, in which None is NaN.
  func literal(_ node: Int) -> ModuleDeclaration.Value? {
    switch nodes[node].kind {
    case .name(["True"]): return .bool(true)
    case .name(["False"]): return .bool(false)
    case .name(["None"]): return .nothing
    case .quoted(let text, false): return .text(text)
    case .list(let parts), .tuple(let parts):
      var numbers: [Double] = []
      for part in parts {
        switch literal(part) {
        case .number(let value)?: numbers.append(value)
        case .nothing?: numbers.append(.nan)
        default: return nil
        }
      }
      return .list(numbers)
    default: return number(node).map { .number($0) }
    }
  }

  private func number(_ node: Int) -> Double? {
    switch nodes[node].kind {
    case .number(let value): value
    case .negated(let part): number(part).map { -$0 }
    default: nil
    }
  }
}

extension ModuleDeclaration {
  /// What a forward's text declares, by the modules' names; the last one of several of a name. Throws as reading it as a
  /// forward does.
  package static func all(in line: String) throws(RNNError) -> [String: ModuleDeclaration] {
    let syntax = try LineParser.parse(try LineSource(line))
    var result: [String: ModuleDeclaration] = [:]
    for (statement, _) in syntax.statements {
      if case .unknown(let names) = statement {
        for name in names { result[name] = nil }
      }
      for case (let module, .module(let declaration)) in syntax.declarations(statement) ?? [] { result[module] = declaration }
    }
    return result
  }
}
