import CRNNKit
import RNNKit

@c @implementation
public func rnnkit_runner_make(
  _ plan: OpaquePointer?, _ batch: Int64, _ maximumSteps: Int64, _ error: ErrorTarget
) -> OpaquePointer? {
  make(error) { () throws(RNNError) in
    let plan = try object(plan, PlanBox.self, "plan").plan
    return try Runner(plan, batch: Int(batch), maximumSteps: Int(maximumSteps))
  }
}

@c @implementation
public func rnnkit_runner_free(_ runner: OpaquePointer?) { release(runner, Runner.self) }

/// Checks raw pointers and lends them to a run. Nothing in it may allocate.
@inline(__always)
private func step<Input, Output>(
  _ runner: OpaquePointer?, _ state: OpaquePointer?, _ input: UnsafePointer<Input>?, _ inputCount: Int,
  _ output: UnsafeMutablePointer<Output>?, _ outputCount: Int, _ error: ErrorTarget,
  _ body: (Runner, StateBox, Span<Input>, inout MutableSpan<Output>) throws(RNNError) -> Void
) -> Int32 {
  attempt(error) { () throws(RNNError) in
    let runner = try object(runner, Runner.self, "runner"), state = try object(state, StateBox.self, "state")
    guard let input else { throw missing("input") }
    guard let output else { throw missing("output") }
    let first = UInt(bitPattern: input), second = UInt(bitPattern: output)
    let (size, inOverflow) = inputCount.multipliedReportingOverflow(by: MemoryLayout<Input>.size)
    let (outputSize, outOverflow) = outputCount.multipliedReportingOverflow(by: MemoryLayout<Output>.size)
    guard inputCount >= 0, outputCount >= 0, !inOverflow, !outOverflow else {
      throw RNNError(.usage, "the counts are \(UInt(bitPattern: inputCount)) and \(UInt(bitPattern: outputCount))",
        remedy: "pass the number of elements")
    }
    guard first < second ? UInt(size) <= second - first : UInt(outputSize) <= first - second else {
      throw RNNError(.usage, place: "output", "it lies over the input", remedy: "give memory of its own")
    }
    let source = UnsafeBufferPointer(start: input, count: inputCount)
    let target = UnsafeMutableBufferPointer(start: output, count: outputCount)
    var span = target.mutableSpan
    try body(runner, state, source.span, &span)
  }
}

@c @implementation
public func rnnkit_step_float32(
  _ runner: OpaquePointer?, _ state: OpaquePointer?, _ steps: Int64, _ input: UnsafePointer<Float>?, _ inputCount: Int,
  _ output: UnsafeMutablePointer<Float>?, _ outputCount: Int, _ error: ErrorTarget
) -> Int32 {
  step(runner, state, input, inputCount, output, outputCount, error) { (runner, state, input, output) throws(RNNError) in
    try runner.run(input, steps: Int(steps), &state.state, into: &output)
  }
}

@c @implementation
public func rnnkit_step_float64(
  _ runner: OpaquePointer?, _ state: OpaquePointer?, _ steps: Int64, _ input: UnsafePointer<Double>?, _ inputCount: Int,
  _ output: UnsafeMutablePointer<Double>?, _ outputCount: Int, _ error: ErrorTarget
) -> Int32 {
  step(runner, state, input, inputCount, output, outputCount, error) { (runner, state, input, output) throws(RNNError) in
    try runner.run(input, steps: Int(steps), &state.state, into: &output)
  }
}

/// Int64 as the Int that it is.
private func indices(_ pointer: UnsafePointer<Int64>?) -> UnsafePointer<Int>? {
  UnsafeRawPointer(pointer)?.assumingMemoryBound(to: Int.self)
}

@c @implementation
public func rnnkit_step_indices_float32(
  _ runner: OpaquePointer?, _ state: OpaquePointer?, _ steps: Int64, _ input: UnsafePointer<Int64>?, _ inputCount: Int,
  _ output: UnsafeMutablePointer<Float>?, _ outputCount: Int, _ error: ErrorTarget
) -> Int32 {
  step(runner, state, indices(input), inputCount, output, outputCount, error) { (runner, state, input, output) throws(RNNError) in
    try runner.run(indices: input, steps: Int(steps), &state.state, into: &output)
  }
}

@c @implementation
public func rnnkit_step_indices_float64(
  _ runner: OpaquePointer?, _ state: OpaquePointer?, _ steps: Int64, _ input: UnsafePointer<Int64>?, _ inputCount: Int,
  _ output: UnsafeMutablePointer<Double>?, _ outputCount: Int, _ error: ErrorTarget
) -> Int32 {
  step(runner, state, indices(input), inputCount, output, outputCount, error) { (runner, state, input, output) throws(RNNError) in
    try runner.run(indices: input, steps: Int(steps), &state.state, into: &output)
  }
}
