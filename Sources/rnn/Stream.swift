import RNNKit

/// Runs a model on steps as they come: a line in, a line out.
struct Stream {
  let plan: Plan
  let stateIn: String?
  let stateOut: String?
  let h0: String?
  let c0: String?
  let force: Bool

  func run() throws {
    switch plan.precision {
    case .float32: try run(Float.self) { runner, input, state, output in
      var span = output.mutableSpan
      try runner.run(input.span, steps: 1, &state, into: &span)
    } indices: { runner, input, state, output in
      var span = output.mutableSpan
      try runner.run(indices: input.span, steps: 1, &state, into: &span)
    }
    case .float64: try run(Double.self) { runner, input, state, output in
      var span = output.mutableSpan
      try runner.run(input.span, steps: 1, &state, into: &span)
    } indices: { runner, input, state, output in
      var span = output.mutableSpan
      try runner.run(indices: input.span, steps: 1, &state, into: &span)
    }
    }
  }

  private func run<Value: BinaryFloatingPoint & LosslessStringConvertible>(
    _ type: Value.Type,
    step: (Runner, [Value], inout State, inout [Value]) throws -> Void,
    indices: (Runner, [Int], inout State, inout [Value]) throws -> Void
  ) throws {
    let runner = try Runner(plan)
    var state = try StateArguments(h0: h0, c0: c0, stateIn: stateIn).state(of: plan, batch: 1) { _ in nil }
    var output = [Value](repeating: 0, count: plan.outputSize)
    var number = 0
    while let line = readLine() {
      number += 1
      let isJSON = line.drop { $0 == " " || $0 == "\t" }.first == "["
      let values = try numbers(line, isJSON: isJSON, number)
      if values.isEmpty { continue }
      guard values.count == plan.inputSize else {
        throw RNNError(.badData, file: "standard input", place: "line \(number)",
          "\(values.count) numbers, expected \(plan.inputSize)", remedy: "give one step a line")
      }
      if plan.takesIndices {
        guard let index = Int(exactly: values[0]) else {
          throw RNNError(.badData, file: "standard input", place: "line \(number)", "not a whole number",
            remedy: "give an index of the embedding")
        }
        try indices(runner, [index], &state, &output)
      } else {
        try step(runner, values.map { Value($0) }, &state, &output)
      }
      let text = output.map { $0.isFinite || !isJSON ? "\($0)" : "\"\($0)\"" }.joined(separator: isJSON ? ", " : ",")
      Console.output(isJSON ? "[\(text)]\n" : text + "\n")
    }
    if let stateOut { try StateArguments.write(state, to: stateOut, replacing: force) }
  }

  /// The numbers of a line: between commas or spaces, or a JSON list.
  private func numbers(_ line: String, isJSON: Bool, _ number: Int) throws(RNNError) -> [Double] {
    func refuse(_ what: String) -> RNNError {
      RNNError(.badData, file: "standard input", place: "line \(number)", "\(what) is no number",
        remedy: "give numbers between commas or spaces, or a JSON list")
    }
    var result: [Double] = []
    if isJSON {
      let elements: [JSONValue]
      do throws(RNNError) {
        elements = try JSONValue(parsing: line).array ?? []
      } catch {
        var error = error
        error.place = "line \(number), " + (error.place ?? "")
        throw error.inFile("standard input")
      }
      for element in elements {
        guard let value = element.double else { throw refuse(element.text) }
        result.append(value)
      }
    } else {
      for part in line.split(whereSeparator: { ", \t\r".contains($0) }) {
        guard let value = Double(part) else { throw refuse("\"\(part.prefix(40))\"") }
        result.append(value)
      }
    }
    return result
  }
}
