/// Expressions: names, arithmetic, attributes.
extension LineResolver {
  mutating func meaning(_ node: Int) throws(RNNError) -> LineMeaning {
    switch syntax.nodes[node].kind {
    case .number(let value): return .numbers([value])
    case .name(let parts): return try name(parts, node)
    case .quoted(let name, let isOfModel):
      if !isOfModel, let known = variables[name] { return known }
      return try parameter(name, node)
    case .list(let parts):
      let numbers = parts.compactMap(number)
      if numbers.count == parts.count, !parts.isEmpty { return .numbers(numbers) }
      return try tuple(parts)
    case .tuple(let parts): return try tuple(parts)
    case .call(let callee, let arguments): return try call(callee, arguments, node)
    case .attribute(let base, let name): return try attribute(name, of: try meaning(base), base, node)
    case .element(let base, let indices): return try element(of: try meaning(base), indices, base, node)
    case .negated(let part):
      let meaning = try meaning(part)
      if case .numbers(let values) = meaning { return .numbers(values.map { -$0 }) }
      let value = try value(meaning, part)
      return .value(try add(.arithmetic(.multiply), [value, try add(.constant([-1]), [], at: node)], at: node))
    case .power(let base, let exponent):
      if let number = number(node) { return .numbers([number]) }
      return try power(try meaning(base), base, try self.exponent(exponent, base), node)
    case .arithmetic(let kind, let left, let right):
      if let number = number(left), isSize(right), case .size(let size) = try meaning(right) {
        return .size(self.size(kind, LineExtent(whole: number), .size(size), right))
      }
      let first = try operand(left)
      if case .size(let size) = first { return .size(self.size(kind, size, try meaning(right), right)) }
      let second = try operand(right)
      return try together([(first, left), (second, right)]) { (line, values) throws(RNNError) in
        try line.add(.arithmetic(kind), values, at: node)
      }
    }
  }

  /// Whether an expression is a size by its look: a variable that is one, `a.size(1)`, `a.shape[1]`, or computed of one.
  private func isSize(_ node: Int) -> Bool {
    switch syntax.nodes[node].kind {
    case .name(let parts):
      if parts.count == 1, case .size? = variables[parts[0]] { true } else { parts.last == "shape" || parts.last == "size" }
    case .attribute(_, let name): name == "shape" || name == "size"
    case .call(let base, _), .element(let base, _), .negated(let base), .power(let base, _): isSize(base)
    case .arithmetic(_, let left, let right): isSize(left) || isSize(right)
    default: false
    }
  }

  /// A size computed of another; nil where it is not known.
  private func size(_ kind: Forward.Arithmetic, _ size: LineExtent?, _ other: LineMeaning, _ node: Int) -> LineExtent? {
    let second: LineExtent? = if case .size(let size) = other { size } else { number(node).flatMap(LineExtent.init(whole:)) }
    guard let size, let second else { return nil }
    if kind == .multiply { return size.times(second) }
    guard let left = size.whole, let right = second.whole else { return nil }
    switch kind {
    case .add: return LineExtent(whole: Double(left) + Double(right))
    case .subtract: return LineExtent(whole: Double(left) - Double(right))
    default: return right > 0 && left % right == 0 ? LineExtent(left / right) : nil
    }
  }

  /// What stands beside others; numbers become a step where they stand.
  mutating func operand(_ node: Int) throws(RNNError) -> LineMeaning {
    let meaning = try meaning(node)
    if case .numbers = meaning { return .value(try value(meaning, node)) }
    return meaning
  }

  /// Computes one value of several, all of them turned or none; what has no steps may be beside either.
  mutating func together(
    _ parts: [(meaning: LineMeaning, node: Int)], _ body: (inout LineResolver, [Forward.Value]) throws(RNNError) -> Forward.Value
  ) throws(RNNError) -> LineMeaning {
    if let result = try together(planes: parts, body) { return result }
    let isTurned = parts.contains { if case .turned = $0.meaning { true } else { false } }
    var isLoose = false
    var values: [Forward.Value] = []
    for (meaning, node) in parts {
      switch meaning {
      case .turned(let value) where isTurned:
        use(value, asStateOrLength: false)
        values.append(value)
      case .loose(let value):
        isLoose = true
        values.append(value)
      default:
        let value = try value(meaning, node)
        guard !isTurned || !shape(value).hasTime && shape(value).features ?? 1 == 1 else {
          throw source.error(offset(node), "\(text(node)) is not turned, and what it is beside is (batch, features, time)",
            "turn one of them: \(text(node)).transpose(1, 2)")
        }
        values.append(value)
      }
    }
    let result = try body(&self, values)
    return isTurned ? .turned(result) : isLoose ? .loose(result) : .value(result)
  }

  private mutating func tuple(_ parts: [Int]) throws(RNNError) -> LineMeaning {
    var meanings: [LineMeaning] = []
    for part in parts { meanings.append(try meaning(part)) }
    return .tuple(meanings)
  }

  mutating func value(of node: Int) throws(RNNError) -> Forward.Value { try value(try meaning(node), node) }

  /// What a step takes.
  mutating func value(_ meaning: LineMeaning, _ node: Int) throws(RNNError) -> Forward.Value {
    let text = text(node)
    switch meaning {
    case .value(let value), .call(let value), .loose(let value):
      use(value, asStateOrLength: false)
      return value
    case .plane(let plane) where plane.isOwn:
      use(plane.value, asStateOrLength: false)
      return plane.value
    case .plane(let plane):
      throw source.error(offset(node), "\(text) has the axes \(plane.description), and \(batchFirst ? "(batch, time, features)" : "(time, batch, features)") is wanted",
        "move and join the axes, as a.permute(\(batchFirst ? "0, 2, 1" : "2, 0, 1"), 3).flatten(2) does of (batch, channels, time, positions)")
    case .turned:
      throw source.error(offset(node), "\(text) is turned, (batch, features, time)",
        "turn it back: \(text)\(batchFirst ? ".transpose(1, 2)" : ".permute(2, 0, 1)")")
    case .numbers(let values): return try add(.constant(values), [], at: node)
    case .state(let call, _):
      let isBidirectional = recurrent(call)?.directionCount == 2
      throw source.error(offset(node), "\(text) is the states of all layers and directions",
        "take one, \(text)[-1] for the last layer's\(isBidirectional ? " reverse direction and \(text)[-2] for its forward one" : "")")
    case .states:
      throw source.error(offset(node), "\(text) is h_n and c_n together", "take one state, \(text)[0][-1] for the last layer's h")
    case .tuple:
      throw source.error(offset(node), "\(text) is several values", "take one of them, or join their features: cat(a, b)")
    case .zeros:
      throw source.error(offset(node), "\(text) is no value of the model", "use it as a starting state alone, or write numbers")
    case .size:
      throw source.error(offset(node), "\(text) is a size, which no step can take", "write the number that it is")
    }
  }

  /// A power: 2 is a product, 0.5 a square root, and their negatives 1 by those, as PyTorch computes them.
  mutating func power(_ meaning: LineMeaning, _ base: Int, _ number: Double, _ node: Int) throws(RNNError) -> LineMeaning {
    var result = meaning
    if case .numbers = result { result = .value(try value(result, base)) }
    switch abs(number) {
    case 2:
      let factor = result
      result = try together([(factor, base), (factor, base)]) { (line, values) throws(RNNError) in
        try line.add(.arithmetic(.multiply), values, at: node)
      }
    case 0.5:
      result = try through(result, base) { (line, value) throws(RNNError) in
        try line.add(.activation(.elementwise(.sqrt)), [value], at: node)
      }
    default: break
    }
    guard number < 0 else { return result }
    let one = LineMeaning.value(try add(.constant([1]), [], at: node))
    return try together([(one, node), (result, base)]) { (line, values) throws(RNNError) in
      try line.add(.arithmetic(.divide), values, at: node)
    }
  }

  /// PyTorch's names of powers; nil for another word.
  mutating func power(
    word: String, _ meaning: LineMeaning, _ base: Int, _ arguments: [LineSyntax.Argument], _ node: Int
  ) throws(RNNError) -> LineMeaning? {
    switch (word, arguments.count) {
    case ("pow", 1): return try power(meaning, base, try exponent(arguments[0].value, base), node)
    case ("square", 0): return try power(meaning, base, 2, node)
    case ("rsqrt", 0): return try power(meaning, base, -0.5, node)
    case ("reciprocal", 0): return try power(meaning, base, -1, node)
    default: return nil
    }
  }

  /// One of the exponents of `power`.
  func exponent(_ node: Int, _ base: Int) throws(RNNError) -> Double {
    guard let number = number(node), [1, 2, 0.5, -1, -0.5].contains(number) else {
      throw source.error(offset(node), "\(text(base)) to the power \(text(node)), and RNNKit has 2, 0.5, -1 and -0.5",
        "multiply instead, a * a * a for a ** 3, or end the line before it and compute the rest outside of the model")
    }
    return number
  }

  // MARK: Names

  private mutating func name(_ parts: [String], _ node: Int) throws(RNNError) -> LineMeaning {
    switch parts {
    case ["None"]: return .zeros
    case ["inf"], ["torch", "inf"]: return .numbers([.infinity])
    case ["nan"], ["torch", "nan"]: return .numbers([.nan])
    default: break
    }
    if parts.count == 1, let known = variables[parts[0]] { return known }
    if parts.count > 1, let known = variables[parts[0]] {
      var meaning = known
      for part in parts.dropFirst() { meaning = try attribute(part, of: meaning, node, node) }
      return meaning
    }
    let path = (parts.first == "self" && parts.count > 1 ? parts.dropFirst() : parts[...]).joined(separator: ".")
    if parts.first == "self", let number = constants[path], !isParameter(path) { return .numbers([number]) }
    return try parameter(path, node)
  }

  private mutating func parameter(_ name: String, _ node: Int) throws(RNNError) -> LineMeaning {
    if isParameter(name) { return .value(try add(.parameter(name), [], at: node)) }
    if modules[name] != nil {
      throw source.error(offset(node), "\(spelled(name)) is a module", "apply it to a value, \(spelled(name))(x)")
    }
    let variables = variables.keys.sorted()
    let near = Self.near(name, variables)
    throw source.error(offset(node), "\(text(node)) is no value that the line names",
      near.isEmpty
        ? "use one of \(variables.listed()), or name it first: \(LineName.isIdentifier(name) ? name : "a") = …, or as an input in the first line, "
          + "\(LineName.isIdentifier(name) ? name : LineName.quoted(name)) -> _"
        : "\(near.listed()) may be meant")
  }

  /// Up to four of the names that differ from one by letter case, by a part before or behind, or by two letters.
  static func near(_ name: String, _ names: [String]) -> [String] {
    let wanted = Array(name.lowercased().utf8)
    guard (1...64).contains(wanted.count) else { return [] }
    func distance(_ other: [UInt8]) -> Int {
      var row = Array(0...other.count)
      for (index, byte) in wanted.enumerated() {
        var diagonal = row[0]
        row[0] = index + 1
        for column in other.indices {
          let change = diagonal + (byte == other[column] ? 0 : 1)
          diagonal = row[column + 1]
          row[column + 1] = min(change, diagonal + 1, row[column] + 1)
        }
      }
      return row[other.count]
    }
    var found: [(name: String, distance: Int)] = []
    for candidate in names.prefix(4096) where (1...64).contains(candidate.utf8.count) {
      let (text, lowercased) = (name.lowercased(), candidate.lowercased())
      let other = Array(lowercased.utf8)
      if other == wanted {
        found.append((candidate, 0))
      } else if lowercased.hasSuffix("." + text) || text.hasSuffix("." + lowercased) || lowercased.hasPrefix(text + ".") {
        found.append((candidate, 1))
      } else if abs(other.count - wanted.count) <= 2, wanted.count > 2 {
        let distance = distance(other)
        if distance <= 2 { found.append((candidate, 1 + distance)) }
      }
    }
    return found.sorted { $0.distance < $1.distance }.prefix(4).map(\.name)
  }

  // MARK: Attributes

  mutating func attribute(_ name: String, of meaning: LineMeaning, _ base: Int, _ node: Int) throws(RNNError) -> LineMeaning {
    if let turned = try turned(name, meaning, []) { return turned }
    switch (name, meaning) {
    case ("shape", _): return sizes(meaning).map(LineMeaning.tuple) ?? .size
    case ("device", _), ("dtype", _), (_, .size): return .size
    case ("data", _): return meaning
    case ("values", .tuple(let parts)) where parts.count == 2: return parts[0]
    case ("hn", .value(let value)), ("hn", .call(let value)), ("cn", .value(let value)), ("cn", .call(let value)),
      ("output", .value(let value)), ("output", .call(let value)):
      guard let module = recurrent(value) else {
        throw source.error(offset(node), "only a recurrent module's call has .\(name)", "write it behind one\(recurrentExample(name))")
      }
      if name == "output" { return .value(value) }
      guard name == "hn" || module.cell == .lstm else {
        throw source.error(offset(node), "only an LSTM has a cell state, and \(LineName.quoted(module.name)) is a \(module.cell.rawValue)",
          "take its h, .hn[\(module.numLayers * module.directionCount - 1)]")
      }
      return .state(value, name == "hn" ? .hn : .cn)
    default: throw lacking(name, offset(node))
    }
  }

  private func recurrentExample(_ attribute: String) -> String {
    let name = moduleNames.first { name in
      guard case .recurrent(let module)? = modules[name] else { return false }
      return attribute != "cn" || module.cell == .lstm
    }
    return name.map { ": \(spelled($0))(x).\(attribute)\(attribute == "output" ? "" : "[0]")" } ?? ", of which the model has none"
  }

  // MARK: Numbers

  /// A number that is written out, computed from others or not.
  func number(_ node: Int) -> Double? {
    switch syntax.nodes[node].kind {
    case .number(let value): return value
    case .name(let parts) where parts.count == 2 && parts[0] == "self": return constants[parts[1]]
    case .name(["inf"]), .name(["torch", "inf"]): return .infinity
    case .name(["nan"]), .name(["torch", "nan"]): return .nan
    case .negated(let part): return number(part).map { -$0 }
    case .power(let base, let exponent):
      guard let base = number(base) else { return nil }
      switch number(exponent) {
      case 2: return base * base
      case 1: return base
      case 0.5: return base.squareRoot()
      case -1: return 1 / base
      default: return nil
      }
    case .arithmetic(let kind, let left, let right):
      guard let left = number(left), let right = number(right) else { return nil }
      switch kind {
      case .add: return left + right
      case .subtract: return left - right
      case .multiply: return left * right
      case .divide: return left / right
      }
    default: return nil
    }
  }

  /// The same of a whole one, exactly, where float64 would round it.
  func integer(_ node: Int) -> Int? {
    switch syntax.nodes[node].kind {
    case .number(let value): Int(text(node)) ?? Int(exactly: value)
    case .negated(let part): Int("-" + text(part)) ?? number(node).flatMap(Int.init(exactly:))
    default: number(node).flatMap(Int.init(exactly:))
    }
  }
}
