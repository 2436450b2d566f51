/// Statements that say what a module was made with: `conv = Conv1d(stride=2)`, `self.norm = nn.LayerNorm(8)`.
extension LineSyntax {
  /// A module's name and what it is declared to be; nil for any other statement.
  func declaration(_ statement: Statement) -> (module: String, declaration: ModuleDeclaration)? {
    guard case .assignment(let target, let node) = statement, case .call(let callee, let arguments) = nodes[node].kind,
      case .name(let parts) = nodes[callee].kind, let last = parts.last, ModuleDeclaration.parameters[last] != nil,
      [[], ["nn"], ["torch", "nn"]].contains(Array(parts.dropLast()))
    else { return nil }
    let module: String
    switch target {
    case .name(let name), .module(let name): module = name
    case .tuple: return nil
    }
    var declaration = ModuleDeclaration(last)
    for argument in arguments {
      guard let value = literal(argument.value) else { return nil }
      declaration.arguments.append(.init(argument.keyword, value))
    }
    return (module, declaration)
  }

  private func literal(_ node: Int) -> ModuleDeclaration.Value? {
    switch nodes[node].kind {
    case .name(["True"]): return .bool(true)
    case .name(["False"]): return .bool(false)
    case .name(["None"]): return .nothing
    case .quoted(let text, false): return .text(text)
    case .list(let parts), .tuple(let parts):
      var numbers: [Double] = []
      for part in parts {
        guard case .number(let value)? = literal(part) else { return nil }
        numbers.append(value)
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
      if let (module, declaration) = syntax.declaration(statement) { result[module] = declaration }
    }
    return result
  }
}
