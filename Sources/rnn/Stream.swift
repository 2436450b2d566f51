import RNNKit

/// Runs a model on steps as they come: a line in, a line out.
struct Stream {
  let plan: Plan
  let state: State

  /// Reads standard input to its end. Returns the last state.
  func run() throws(RNNError) -> State {
    switch plan.precision {
    case .float32: try run(Float.self) { (runner, input, state, output) throws(RNNError) in
      output = [Float](repeating: 0, count: count(state))
      var span = output.mutableSpan
      try runner.step(input.span, &state, into: &span)
    } indices: { (runner, index, state, output) throws(RNNError) in
      output = [Float](repeating: 0, count: count(state))
      var span = output.mutableSpan
      try runner.run(indices: [index].span, steps: 1, &state, into: &span)
    }
    case .float64: try run(Double.self) { (runner, input, state, output) throws(RNNError) in
      output = [Double](repeating: 0, count: count(state))
      var span = output.mutableSpan
      try runner.step(input.span, &state, into: &span)
    } indices: { (runner, index, state, output) throws(RNNError) in
      output = [Double](repeating: 0, count: count(state))
      var span = output.mutableSpan
      try runner.run(indices: [index].span, steps: 1, &state, into: &span)
    }
    }
  }

  /// Numbers that a step gives: none where a window over time is not complete.
  private func count(_ state: State) -> Int { plan.outputSize * (plan.endsInLastStep ? 1 : plan.outputSteps(of: 1, after: state)) }

  private func run<Value: BinaryFloatingPoint & LosslessStringConvertible>(
    _ type: Value.Type,
    step: (Runner, [Value], inout State, inout [Value]) throws(RNNError) -> Void,
    indices: (Runner, Int, inout State, inout [Value]) throws(RNNError) -> Void
  ) throws(RNNError) -> State {
    let runner = try Runner(plan)
    var state = state
    var output = [Value](repeating: 0, count: plan.outputSize)
    var (lines, number, isFinite) = (LineReader(), 0, true)
    while true {
      number += 1
      do throws(RNNError) {
        guard let line = try lines.next() else { return state }
        guard let values = try Line(line) else { continue }
        guard values.numbers.count == plan.inputSize else {
          throw RNNError(.badData, "\(counted(values.numbers.count, "number")), expected \(plan.inputSize)",
            remedy: "give one step a line")
        }
        if plan.takesIndices {
          guard let index = Int(exactly: values.numbers[0]) else {
            throw RNNError(.badData, "not a whole number", remedy: "give an index of the embedding")
          }
          try indices(runner, index, &state, &output)
        } else {
          try step(runner, values.numbers.map { Value($0) }, &state, &output)
        }
        if output.isEmpty { continue }
        if isFinite {
          let givesFinite = output.allSatisfy(\.isFinite)
          isFinite = givesFinite && values.numbers.allSatisfy(\.isFinite)
          if !isFinite {
            Console.warning("line \(number): the \(givesFinite ? "input" : "result") has values that are not finite")
          }
        }
        Console.output(values.isJSON ? Self.json(output) : output.map { "\($0)" }.joined(separator: ",") + "\n")
      } catch {
        var error = error
        error.place = "line \(number)" + (error.place.map { ", \($0)" } ?? "")
        throw error.inFile("standard input")
      }
    }
  }

  private static func json<Value: BinaryFloatingPoint & LosslessStringConvertible>(_ values: [Value]) -> String {
    "[" + values.map { $0.isFinite ? "\($0)" : "\"\($0)\"" }.joined(separator: ", ") + "]\n"
  }
}

/// The numbers of a line: between commas, or between spaces, or a JSON list. Nil for an empty one.
private struct Line {
  let numbers: [Double]
  let isJSON: Bool

  init?(_ text: String) throws(RNNError) {
    var result: [Double] = []
    isJSON = text.drop { $0 == " " || $0 == "\t" }.first == "["
    if isJSON {
      for element in try JSONValue(parsing: text).array ?? [] {
        guard let value = element.double ?? element.string.flatMap(Self.named) else { throw Self.refuse(element.text) }
        result.append(value)
      }
    } else {
      // A carriage return and a line feed are one character, which is taken away whole; one may still end the text.
      func isSpace(_ character: Character) -> Bool { [" ", "\t", "\r"].contains(character) }
      let isTable = text.contains(",")
      for cell in text.split(omittingEmptySubsequences: !isTable, whereSeparator: { isTable ? $0 == "," : isSpace($0) }) {
        let trimmed = String(cell.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
        let isDecimal = trimmed.utf8.allSatisfy { "0123456789+-.eE".utf8.contains($0) }
        guard let value = isDecimal ? Double(trimmed) : Self.named(trimmed), value.isFinite || !isDecimal else {
          throw Self.refuse("\"\(trimmed.prefix(40))\"")
        }
        result.append(value)
      }
    }
    guard !result.isEmpty || isJSON else { return nil }
    numbers = result
  }

  /// What is written where there is no number.
  private static func named(_ text: String) -> Double? {
    switch text.lowercased() {
    case "nan", "+nan", "-nan": .nan
    case "inf", "+inf", "infinity", "+infinity": .infinity
    case "-inf", "-infinity": -.infinity
    default: nil
    }
  }

  private static func refuse(_ what: String) -> RNNError {
    RNNError(.badData, "\(what) is no number", remedy: "give numbers between commas or spaces, or a JSON list")
  }
}
