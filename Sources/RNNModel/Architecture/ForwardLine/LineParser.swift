/// Reads tokens as statements and expressions.
struct LineParser {
  private let source: LineSource
  private let tokens: [LineToken]
  private var position = 0
  private var level = 0
  private var syntax = LineSyntax()
  private var hasClass = false
  private var hasForward = false
  private var isInConstructor = false

  static func parse(_ source: LineSource) throws(RNNError) -> LineSyntax {
    var parser = LineParser(source, try LineLexer.tokens(source))
    try parser.statements()
    return parser.syntax
  }

  private init(_ source: LineSource, _ tokens: [LineToken]) {
    self.source = source
    self.tokens = tokens
  }

  // MARK: Tokens

  private var token: LineToken { tokens[min(position, tokens.count - 1)] }
  private var offset: Int { token.range.lowerBound }
  private var end: Int { position > 0 ? tokens[position - 1].range.upperBound : 0 }
  private var isAtEnd: Bool { position >= tokens.count - 1 }

  private func isSymbol(_ symbol: String) -> Bool { token.kind == .symbol(symbol) }

  private mutating func take(_ symbol: String) -> Bool {
    guard isSymbol(symbol) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ symbol: String) throws(RNNError) {
    guard take(symbol) else { throw unexpected("a \(symbol)") }
  }

  private func unexpected(
    _ wanted: String, _ remedy: String = "see Schemas/forward.md for what a line may hold"
  ) -> RNNError {
    let found = token.kind == .end ? "the end of the statement" : LineName.quoted(source.text(token.range))
    return source.error(offset, "\(found) where \(wanted) was expected", remedy)
  }

  // MARK: Statements

  private mutating func statements() throws(RNNError) {
    while true {
      while token.kind == .end, !isAtEnd { position += 1 }
      if isAtEnd { return }
      let start = offset
      if isSymbol("@") || Self.passed.contains(where: { token.kind == .path([$0]) }) || isConstructorsOwn {
        while token.kind != .end { position += 1 }
        continue
      }
      if token.kind == .path(["class"]) {
        try passClass()
        continue
      }
      let statement: LineSyntax.Statement
      if token.kind == .path(["def"]) {
        isInConstructor = false
        if try passFunction() { continue }
        statement = try definition()
        syntax.statements.append((statement, start))
        continue
      } else if hasDeclarationsAlone, isHeader {
        statement = try header()
      } else {
        statement = try simple()
      }
      guard token.kind == .end else { throw unexpected("an operator or the end of the statement") }
      if isInConstructor, !syntax.isDeclaration(statement) {
        syntax.statements.append((.unknown(Self.made(by: statement)), start))
      } else {
        syntax.statements.append((statement, start))
      }
    }
  }

  // MARK: What stands around a forward

  /// Statements that compute nothing.
  private static let passed = ["assert", "import", "from", "pass"]

  /// `super().__init__()`, with or without arguments.
  private var isConstructorsOwn: Bool {
    guard token.kind == .path(["super"]) else { return false }
    return tokens[position...].prefix { $0.kind != .end }.contains { $0.kind == .path(["__init__"]) }
  }

  /// `class Model(nn.Module):`, of which there is one.
  private mutating func passClass() throws(RNNError) {
    guard !hasClass, hasDeclarationsAlone(orHeader: true) else {
      throw source.error(offset, "a second class", "give one class's lines alone, or what its forward calls as modules by their names in the file")
    }
    hasClass = true
    while !isSymbol(":") {
      guard token.kind != .end else { throw unexpected("a : after the class") }
      position += 1
    }
    position += 1
  }

  /// Passes over the head of a constructor, whose statements declare modules, and over a whole function that is not the forward
  /// where there is a forward. False for the function that is read.
  private mutating func passFunction() throws(RNNError) -> Bool {
    guard position + 1 < tokens.count, case .path(let name) = tokens[position + 1].kind, name.count == 1 else { return false }
    let isForward = name == ["forward"]
    let rest = tokens.indices.dropFirst(position + 1).contains { tokens[$0].kind == .path(["def"]) && tokens[min($0 + 1, tokens.count - 1)].kind == .path(["forward"]) }
    if name == ["__init__"] {
      while token.kind != .end, !isFunctionsColon { position += 1 }
      guard isSymbol(":") else { throw unexpected("a : after the inputs") }
      position += 1
      isInConstructor = true
      return true
    }
    guard !isForward, rest || hasForward else {
      hasForward = hasForward || isForward
      return false
    }
    position += 1
    while !isAtEnd {
      let isFirst = tokens[position - 1].kind == .end
      if isFirst, [.path(["def"]), .path(["class"]), .symbol("@")].contains(token.kind) { break }
      position += 1
    }
    return true
  }

  /// The module's own names to which a statement gives a value.
  private static func made(by statement: LineSyntax.Statement) -> [String] {
    guard case .assignment(let target, _) = statement else { return [] }
    switch target {
    case .module(let name): return [name]
    case .tuple(let targets): return targets.compactMap { if case .module(let name) = $0 { name } else { nil } }
    case .name: return []
    }
  }

  /// Whether here is the `:` that ends a function's head, rather than one of its annotations.
  private var isFunctionsColon: Bool { isSymbol(":") && (position + 1 >= tokens.count || tokens[position + 1].kind == .end) }

  /// Whether nothing but declarations of modules stands before.
  private var hasDeclarationsAlone: Bool { hasDeclarationsAlone(orHeader: false) }

  private func hasDeclarationsAlone(orHeader: Bool) -> Bool {
    syntax.statements.allSatisfy {
      switch $0.statement {
      case .header: orHeader
      case .unknown: true
      default: syntax.isDeclaration($0.statement)
      }
    }
  }

  private var isHeader: Bool {
    tokens[position...].prefix { $0.kind != .end }.contains { $0.kind == .symbol("->") }
  }

  /// `x(5), lengths -> y, state`
  private mutating func header() throws(RNNError) -> LineSyntax.Statement {
    let inputs = try declarations(withFeatures: true)
    try expect("->")
    return .header(inputs: inputs, outputs: try declarations(withFeatures: false))
  }

  private mutating func declarations(withFeatures: Bool) throws(RNNError) -> [LineSyntax.Declaration] {
    var result: [LineSyntax.Declaration] = []
    repeat {
      var declaration: LineSyntax.Declaration
      switch token.kind {
      case .path(let parts) where parts.count == 1 && (parts[0] == "_" || !LineName.reserved.contains(parts[0])): declaration = .init(name: parts[0], offset: offset)
      case .quoted(let name): declaration = .init(name: name, isQuoted: true, offset: offset)
      default:
        throw unexpected("the name of an input or output",
          "write it in double quotes if it is no plain word: \"in\" -> \"out\"")
      }
      position += 1
      if withFeatures, take("(") {
        try axes(of: &declaration)
      }
      result.append(declaration)
    } while take(",")
    return result
  }

  /// `5)`, the features of a step, or all axes of the tensor, `batch, 1, 32, time)`.
  private mutating func axes(of declaration: inout LineSyntax.Declaration) throws(RNNError) {
    let start = offset
    var axes: [Forward.Input.Axis] = [], features = 1
    repeat {
      switch token.kind {
      case .path(["batch"]): axes.append(.batch)
      case .path(["time"]): axes.append(.time)
      case .number(let number):
        guard let size = Int(exactly: number), (1...Limits.maximumModuleSize).contains(size) else {
          throw source.error(offset, "no number of features", "write how many a step has, as x(5)")
        }
        let (product, overflow) = features.multipliedReportingOverflow(by: size)
        guard !overflow, product <= Limits.maximumModuleSize else {
          throw source.error(offset, "more features than a module may have", "write how many a step has, as x(5)")
        }
        axes.append(.size(size))
        features = product
      default: throw source.error(offset, "no number of features", "write how many a step has, as x(5)")
      }
      position += 1
    } while take(",")
    try expect(")")
    declaration.features = features
    if axes.count == 1, case .size = axes[0] { return }
    let input = Forward.Input(declaration.name, features: features, axes: axes)
    guard input.isSound else {
      throw source.error(start, "axes without batch or time, or with one of them twice", "write the features of a step, x(5), or all axes, x(batch, 1, 32, time)")
    }
    declaration.axes = axes
  }

  /// `def forward(self, x: Tensor, h=None) -> Tensor:`
  private mutating func definition() throws(RNNError) -> LineSyntax.Statement {
    guard hasDeclarationsAlone(orHeader: true) else {
      throw source.error(offset, "a second function", "give one function's lines alone")
    }
    position += 1
    guard case .path = token.kind else { throw unexpected("a function's name") }
    position += 1
    try expect("(")
    var inputs: [LineSyntax.Declaration] = []
    while !take(")") {
      guard case .path(let parts) = token.kind, parts.count == 1 else { throw unexpected("an input's name") }
      var declaration = LineSyntax.Declaration(name: parts[0], offset: offset)
      position += 1
      var depth = 0
      while depth > 0 || !(isSymbol(",") || isSymbol(")")) {
        guard token.kind != .end else { throw unexpected("a ) after the inputs") }
        if isSymbol("(") || isSymbol("[") { depth += 1 }
        if isSymbol(")") || isSymbol("]") { depth -= 1 }
        if depth == 0, isSymbol("=") { declaration.isOptional = true }
        position += 1
      }
      if declaration.name != "self" { inputs.append(declaration) }
      _ = take(",")
    }
    while !isSymbol(":") {
      guard token.kind != .end else { throw unexpected("a : after the inputs") }
      position += 1
    }
    position += 1
    return .inputs(inputs)
  }

  private mutating func simple() throws(RNNError) -> LineSyntax.Statement {
    if case .path(let parts) = token.kind, parts.count == 1 {
      if parts[0] == "return" {
        position += 1
        return .expression(try list(), isReturn: true)
      }
      if LineName.reserved.contains(parts[0]), !["None", "True", "False", "inf", "nan", "_", "self"].contains(parts[0]) {
        throw source.error(offset, "\(parts[0]): a line is assignments and expressions, each computed once",
          "leave the statement out if the result does not depend on it, and write the steps that are taken")
      }
    }
    let start = offset
    let node = try list()
    if isSymbol(":"), case .name = syntax.nodes[node].kind {
      while !isSymbol("="), token.kind != .end { position += 1 }
    }
    if take("=") {
      let target = try target(node)
      return .assignment(target, try list())
    }
    for kind in Forward.Arithmetic.allCases where isSymbol(kind.rawValue + "=") {
      let target = try target(node)
      position += 1
      let right = try list()
      return .assignment(target, try add(.arithmetic(kind, node, right), from: start, [node, right]))
    }
    return .expression(node, isReturn: false)
  }

  private func target(_ node: Int) throws(RNNError) -> LineSyntax.Target {
    switch syntax.nodes[node].kind {
    case .name(let parts) where parts.count == 1 && (parts[0] == "_" || !LineName.reserved.contains(parts[0])):
      return .name(parts[0])
    case .name(let parts): return .module((parts[0] == "self" ? parts.dropFirst() : parts[...]).joined(separator: "."))
    case .quoted(let name, _): return .module(name)
    case .tuple(let parts), .list(let parts):
      var targets: [LineSyntax.Target] = []
      for part in parts { targets.append(try target(part)) }
      return .tuple(targets)
    default:
      throw source.error(syntax.nodes[node].range.lowerBound, "only a plain name can be given a value",
        "write a name of letters, digits and underscores before the =")
    }
  }

  // MARK: Expressions

  private mutating func add(_ kind: LineSyntax.Kind, from start: Int, _ parts: [Int]) throws(RNNError) -> Int {
    let depth = 1 + (parts.map { syntax.nodes[$0].depth }.max() ?? 0)
    guard depth <= Limits.maximumDepth else { throw tooDeep(start) }
    syntax.nodes.append(LineSyntax.Node(kind: kind, range: start..<end, depth: depth))
    return syntax.nodes.count - 1
  }

  private func tooDeep(_ offset: Int) -> RNNError {
    source.error(offset, "more than \(Limits.maximumDepth) levels in one expression",
      "give a part of it a name in a statement before: a = …")
  }

  /// Expressions between commas, a tuple where there are several.
  private mutating func list() throws(RNNError) -> Int {
    let start = offset
    let first = try expression()
    guard isSymbol(",") else { return first }
    var parts = [first]
    while take(","), !isListEnd { parts.append(try expression()) }
    return try add(.tuple(parts), from: start, parts)
  }

  private var isListEnd: Bool { token.kind == .end || isSymbol("=") || isSymbol(")") }

  private mutating func expression() throws(RNNError) -> Int {
    level += 1
    defer { level -= 1 }
    guard level <= Limits.maximumDepth else { throw tooDeep(offset) }
    let start = offset
    var left = try term()
    while let kind: Forward.Arithmetic = isSymbol("+") ? .add : isSymbol("-") ? .subtract : nil {
      position += 1
      let right = try term()
      left = try add(.arithmetic(kind, left, right), from: start, [left, right])
    }
    if case .symbol(let symbol) = token.kind, ["//", "%", "@", "<", ">", "==", "!=", "<=", ">=", ":=", "!", "&", "|", "^", "~"].contains(symbol) {
      throw source.error(offset, "\(symbol) is none of + - * / **",
        "end the line before it and compute the rest outside of the model")
    }
    if case .path(let parts) = token.kind, let word = parts.first, LineName.reserved.contains(word) {
      throw source.error(offset, "\(word) within an expression", "write the value that is taken, without a condition or loop")
    }
    return left
  }

  private mutating func term() throws(RNNError) -> Int {
    let start = offset
    var left = try unary()
    while let kind: Forward.Arithmetic = isSymbol("*") ? .multiply : isSymbol("/") ? .divide : nil {
      position += 1
      let right = try unary()
      left = try add(.arithmetic(kind, left, right), from: start, [left, right])
    }
    return left
  }

  private mutating func unary() throws(RNNError) -> Int {
    let start = offset
    var isNegative = false
    while isSymbol("-") || isSymbol("+") {
      if isSymbol("-") { isNegative.toggle() }
      position += 1
    }
    let value = try power()
    return isNegative ? try add(.negated(value), from: start, [value]) : value
  }

  /// Python's operator that binds closest; its exponent may have a sign.
  private mutating func power() throws(RNNError) -> Int {
    let start = offset
    let base = try postfix()
    guard isSymbol("**") else { return base }
    position += 1
    level += 1
    defer { level -= 1 }
    guard level <= Limits.maximumDepth else { throw tooDeep(offset) }
    let exponent = try unary()
    return try add(.power(base, exponent), from: start, [base, exponent])
  }

  private mutating func postfix() throws(RNNError) -> Int {
    let start = offset
    var node = try primary()
    while true {
      if take("(") {
        let arguments = try self.arguments()
        node = try add(.call(node, arguments), from: start, [node] + arguments.map(\.value))
      } else if take("[") {
        let (indices, parts) = try self.indices()
        node = try add(.element(node, indices), from: start, [node] + parts)
      } else if isSymbol(".") {
        position += 1
        if case .quoted(let name) = token.kind, case .name(["self"]) = syntax.nodes[node].kind {
          position += 1
          node = try add(.quoted(name, isOfModel: true), from: start, [])
          continue
        }
        guard case .path(let parts) = token.kind else { throw unexpected("a name after the .") }
        var partEnd = offset - 1
        position += 1
        for part in parts {
          partEnd += 1 + part.unicodeScalars.count
          node = try add(.attribute(node, part), from: start, [node])
          syntax.nodes[node].range = start..<partEnd
        }
      } else {
        return node
      }
    }
  }

  private mutating func primary() throws(RNNError) -> Int {
    let start = offset
    switch token.kind {
    case .number(let value):
      position += 1
      return try add(.number(value), from: start, [])
    case .path(let parts):
      position += 1
      return try add(.name(parts), from: start, [])
    case .quoted(let name):
      position += 1
      return try add(.quoted(name, isOfModel: false), from: start, [])
    case .symbol("("), .symbol("["):
      let isList = isSymbol("[")
      position += 1
      let close = isList ? "]" : ")"
      var (parts, isTuple): ([Int], Bool) = ([], isList)
      while !isSymbol(close) {
        parts.append(try expression())
        guard isSymbol(",") else { break }
        position += 1
        isTuple = true
      }
      try expect(close)
      guard isTuple || parts.isEmpty else {
        // What quotes it keeps it whole.
        syntax.nodes[parts[0]].range = start..<end
        return parts[0]
      }
      return try add(isList ? .list(parts) : .tuple(parts), from: start, parts)
    default: throw unexpected("a module, a name or a number")
    }
  }

  private mutating func arguments() throws(RNNError) -> [LineSyntax.Argument] {
    var arguments: [LineSyntax.Argument] = []
    while !isSymbol(")") {
      var keyword: String?
      if case .path(let parts) = token.kind, parts.count == 1, position + 1 < tokens.count,
        tokens[position + 1].kind == .symbol("=")
      {
        keyword = parts[0]
        position += 2
      }
      arguments.append(LineSyntax.Argument(keyword: keyword, value: try expression()))
      guard take(",") else { break }
    }
    try expect(")")
    return arguments
  }

  private mutating func indices() throws(RNNError) -> (indices: [LineSyntax.Index], nodes: [Int]) {
    var (indices, nodes): ([LineSyntax.Index], [Int]) = ([], [])
    repeat {
      if isSymbol("]"), !indices.isEmpty { break }
      if take("...") {
        indices.append(.ellipsis)
        continue
      }
      var lower: Int?
      if !isSymbol(":") { lower = try expression() }
      if let lower { nodes.append(lower) }
      guard take(":") else {
        if let lower { indices.append(.at(lower)) }
        continue
      }
      var upper: Int?
      if !isSymbol(","), !isSymbol("]"), !isSymbol(":") { upper = try expression() }
      if let upper { nodes.append(upper) }
      guard !isSymbol(":") else {
        throw source.error(offset, "a cut with a stride", "cut whole ranges, [..., a:b], and join them with cat")
      }
      indices.append(.cut(lower, upper))
    } while take(",")
    try expect("]")
    return (indices, nodes)
  }
}
