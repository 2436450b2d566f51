import RNNKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The names of a classifier's classes, and what a run gives as their probabilities.
struct Labels {
  let names: [String]
  private let path: String

  /// More names than any classifier has.
  private static let most = 1 << 20
  /// Names shown for each result unless everything is to be said.
  private static let shown = 5

  /// Reads names: a line each, a JSON list of them, or JSON's `{"0": "cat"}` as Hugging Face's `id2label`.
  init(_ path: String) throws(RNNError) {
    self.path = path
    let file = try InputFile(path)
    guard file.count <= Limits.maximumHeaderSize, let text = file.withUnsafeBytes({ String(validating: $0, as: UTF8.self) }) else {
      throw RNNError(.badData, file: path, "no text of at most \(Limits.maximumHeaderSize >> 20) MiB in UTF-8",
        remedy: "write the names of the classes, a line each")
    }
    let start = text.first { !$0.isWhitespace }
    if start == "[" || start == "{" {
      let value: JSONValue
      do throws(RNNError) { value = try JSONValue(parsing: text) } catch { throw error.inFile(path) }
      names = try Self.names(in: value, path)
    } else {
      var lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }.map(String.init)
      while lines.last == "" { lines.removeLast() }
      names = lines
    }
    guard !names.isEmpty, names.count <= Self.most else {
      throw RNNError(.badData, file: path, "holds \(counted(names.count, "name"))", remedy: "write a name a line, one for each class")
    }
  }

  private static func names(in value: JSONValue, _ path: String) throws(RNNError) -> [String] {
    func refuse() -> RNNError {
      RNNError(.badData, file: path, "no list of names in JSON", remedy: #"write it as ["cat", "dog"] or {"0": "cat", "1": "dog"}"#)
    }
    if let list = value.array {
      let names = list.compactMap(\.string)
      guard names.count == list.count else { throw refuse() }
      return names
    }
    let members = (value["id2label"] ?? value).members ?? []
    var names: [Int: String] = [:]
    for member in members {
      guard let index = Int(member.key), let name = member.value.string, names.updateValue(name, forKey: index) == nil else { throw refuse() }
    }
    let ordered = (0..<names.count).compactMap { names[$0] }
    guard ordered.count == names.count else { throw refuse() }
    return ordered
  }

  /// Throws where a plan's first output has not a number for each name.
  func check(_ plan: Plan) throws(RNNError) {
    let found = plan.outputs[0].features
    guard found == names.count || found == 1 && names.count == 2 else {
      throw RNNError(.usage, file: path, "\(counted(names.count, "name")) for a result of \(counted(found, "number"))",
        remedy: found == 1 ? "give two names, of the class that 0 stands for and of that of 1"
          : "give \(grouped(found)), one for each number of the result, in its order")
    }
  }

  /// How the numbers of a result become probabilities.
  private enum Scale {
    case probabilities, logarithms, scores
  }

  private static func scale(of plan: Plan) -> Scale {
    guard let forward = plan.architecture.forward, let output = forward.outputs.first, case .step(let number) = output.value,
      forward.steps.indices.contains(number)
    else { return .scores }
    var step = forward.steps[number]
    // What follows the function may only choose a step.
    while case .step(let before)? = step.inputs.first, forward.steps.indices.contains(before) {
      switch step.operation {
      case .select, .nothing: step = forward.steps[before]
      default: return scale(of: step.operation)
      }
    }
    return scale(of: step.operation)
  }

  private static func scale(of operation: Forward.Operation) -> Scale {
    switch operation {
    case .activation(.softmax), .activation(.elementwise(.sigmoid)): .probabilities
    case .activation(.logSoftmax): .logarithms
    default: .scores
    }
  }

  /// What stands on standard error before the probabilities, where something is assumed of them.
  func note(_ plan: Plan) -> String? {
    guard Self.scale(of: plan) == .scores else { return nil }
    return "the result is taken as scores, of which \(plan.outputs[0].features == 1 ? "sigmoid" : "softmax") makes the probabilities that are shown"
  }

  /// The names with their probabilities, best first: a line each for one result, a line a result for several.
  func text(_ result: Tensor, _ plan: Plan, axes: [String]) -> String {
    let width = result.shape.dimensions.last ?? 1
    guard width > 0, result.count > 0 else { return "" }
    let values = result.doubles
    let (scale, limit) = (Self.scale(of: plan), Console.amount == .everything ? names.count : Self.shown)
    let outer = Array(result.shape.dimensions.dropLast())
    let rows = values.count / width
    var text = ""
    for row in 0..<rows {
      let best = probabilities(Array(values[row * width..<(row + 1) * width]), scale)
      if rows == 1 {
        var table = Table(right: [1])
        for (name, share) in best.prefix(limit) { table.add(name, Self.percent(share)) }
        text += table.text
        if best.count > limit { text += "  … and \(grouped(best.count - limit)) more (-v)\n" }
      } else {
        var (rest, place) = (row, [Int]())
        for size in outer.reversed() {
          place.insert(rest % size, at: 0)
          rest /= size
        }
        let position = zip(axes, place).map { "\($0) \($1)" }.joined(separator: ", ")
        let listed = best.prefix(limit).map { "\($0.name) \(Self.percent($0.share))" }.joined(separator: ", ")
        text += "\(position): \(listed)\n".escapingControlCharacters(except: "\n")
      }
    }
    return text
  }

  private func probabilities(_ values: [Double], _ scale: Scale) -> [(name: String, share: Double)] {
    var shares: [Double]
    switch scale {
    case .probabilities: shares = values
    case .logarithms: shares = values.map(exp)
    case .scores where values.count == 1: shares = [1 / (1 + exp(-values[0]))]
    case .scores:
      let largest = values.max() ?? 0
      let powers = values.map { exp($0 - largest) }
      let sum = powers.reduce(0, +)
      shares = powers.map { $0 / sum }
    }
    if values.count == 1 { shares = [1 - shares[0], shares[0]] }
    // NaN is worse than any number; equal ones stay in their order.
    return zip(names, shares).enumerated()
      .sorted { a, b in
        let (first, second) = (a.element.1.isNaN ? -1 : a.element.1, b.element.1.isNaN ? -1 : b.element.1)
        return first == second ? a.offset < b.offset : first > second
      }
      .map { ($0.element.0, $0.element.1) }
  }

  /// `93.1 %`
  private static func percent(_ share: Double) -> String {
    guard share.isFinite, abs(share) < 1e6 else { return "\(share)" }
    let tenths = Int((share * 1000).rounded())
    return "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10) %"
  }
}
