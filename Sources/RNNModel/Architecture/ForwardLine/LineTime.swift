/// Functions over a sequence's steps.
extension LineResolver {
  enum Axis {
    case time, features
  }

  /// What the line and PyTorch call them.
  static let overTime: [String: TimeFunction] = ["sum": .sum, "mean": .mean, "max": .max, "amax": .max]

  /// The axis that an argument names: the word `time`, or PyTorch's number.
  func axis(_ node: Int, of shape: LineShape) -> Axis? {
    if text(node) == "time" { return .time }
    guard let number = integer(node) else { return nil }
    if number == -1 || number == shape.rank - 1 { return .features }
    return shape.hasTime && (number == (batchFirst ? 1 : 0) || number == (batchFirst ? -2 : -3)) ? .time : nil
  }

  /// `sum(a, time)`, `a.mean(1)`, `torch.max(a, dim=1)[0]`
  mutating func reduction(
    _ word: String, _ meaning: LineMeaning, _ first: Int, _ name: String, _ arguments: [LineSyntax.Argument], _ node: Int
  ) throws(RNNError) -> LineMeaning {
    if case .plane(let plane) = meaning, let result = try reduction(word, plane, arguments, node) { return result }
    let meaning = try checkedAxis(word, meaning, first, arguments, node)
    let value = try value(meaning, first), shape = shape(value), function = Self.overTime[word] ?? .sum
    let remedy = "write \(function.rawValue)(\(name), time) for the one over a sequence's steps"
    var dim: Int?
    for argument in arguments where !["input", "dtype"].contains(argument.keyword) {
      switch argument.keyword {
      case nil where dim == nil, "dim", "axis": dim = argument.value
      case "keepdim" where text(argument.value) == "False": break
      case "keepdim":
        throw source.error(offset(argument.value), "\(text(node)) keeps an axis of one step",
          "leave keepdim out: what has no time axis stands at every step of what it is combined with")
      default: throw source.error(offset(argument.value), "\(word) takes a value and dim", remedy)
      }
    }
    guard let dim else { throw source.error(offset(node), "\(text(node)) does not say over which axis", remedy) }
    guard axis(dim, of: shape) == .time else {
      throw source.error(offset(dim), "\(word) over \(text(dim)), which is not the axis of time; RNNKit has none over features or batch",
        shape.hasTime || shape.isOpen ? remedy : "end the line with what \(word) is taken of, and take it outside of the model")
    }
    guard shape.hasTime || shape.isOpen else {
      throw source.error(offset(node), "\(name) has no steps, and \(word) is over them", "use it without \(word)")
    }
    let result = LineMeaning.value(try add(.overTime(function), [value], at: node))
    // PyTorch's max gives the numbers and where they are.
    return word == "max" && text(dim) != "time" ? .tuple([result, .size]) : result
  }

  /// The same of a value with axes of its own; nil where it is read as a step's features.
  private mutating func reduction(
    _ word: String, _ plane: LinePlane, _ arguments: [LineSyntax.Argument], _ node: Int
  ) throws(RNNError) -> LineMeaning? {
    guard let dim = arguments.first(where: { [nil, "dim", "axis"].contains($0.keyword) })?.value, text(dim) != "time", !plane.axes.isEmpty else {
      return nil
    }
    var dims = [dim], keeps = false
    switch syntax.nodes[dim].kind {
    case .list(let parts), .tuple(let parts): dims = parts
    default: break
    }
    for argument in arguments where argument.value != dim && !["input", "dtype"].contains(argument.keyword) {
      guard argument.keyword == "keepdim" || argument.keyword == nil, ["True", "False"].contains(text(argument.value)) else {
        throw source.error(offset(argument.value), "\(word) takes a value and dim", "write \(word)(a, 2)")
      }
      keeps = text(argument.value) == "True"
    }
    let result = try reduced(plane, Self.overTime[word] ?? .sum, dims, keeps: keeps, node)
    return word == "max" ? .tuple([result, .size]) : result
  }

  /// The meaning with its features last, for a function over an axis; PyTorch's numbers of a turned sequence's axes are
  /// others, and of a loose one it is not known which.
  func checkedAxis(
    _ word: String, _ meaning: LineMeaning, _ first: Int, _ arguments: [LineSyntax.Argument], _ node: Int
  ) throws(RNNError) -> LineMeaning {
    let isNumbered = arguments.contains { argument in integer(argument.value) != nil && [nil, "dim", "axis"].contains(argument.keyword) }
    switch meaning {
    case .turned:
      throw source.error(offset(first), "\(text(first)) is turned, (batch, features, time)",
        "turn it back: \(word)(\(text(first)).transpose(1, 2), \(word == "softmax" ? "dim=-1" : "time"))")
    case .loose where isNumbered:
      throw source.error(offset(node), "\(text(node)) may be over features or steps: nothing tells how \(text(first)) is turned",
        "write \(word)(\(text(first)), time)\(Self.overTime[word] == nil ? ", or \(word)(\(text(first))) for features" : "")")
    default: return meaning
    }
  }

  /// `repeat(a, b)`: a at every step of b.
  mutating func repetition(_ arguments: [LineSyntax.Argument], _ node: Int) throws(RNNError) -> LineMeaning {
    guard arguments.count == 2, arguments.allSatisfy({ $0.keyword == nil }) else {
      throw source.error(offset(node), "repeat takes a value without steps and a sequence", "write repeat(a, b) for a at every step of b")
    }
    let (first, second) = (arguments[0].value, arguments[1].value)
    let value = try self.value(of: first), sequence = try self.value(of: second)
    guard !shape(value).hasTime || shape(value).isOpen else {
      throw source.error(offset(first), "\(text(first)) has steps already", "use it without repeat")
    }
    guard shape(sequence).hasTime || shape(sequence).isOpen else {
      throw source.error(offset(second), "\(text(second)) has no steps over which to repeat", "write repeat(a, b) with a sequence b")
    }
    return .value(try add(.repeated, [value, sequence], at: node))
  }
}
