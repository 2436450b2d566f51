import RNNKit

/// Calls of the runner on random input, ready to be repeated.
protocol BenchCall: AnyObject {
  /// Makes so many calls.
  func run(_ times: Int) throws(RNNError)
}

/// `Runner.run` and `Runner.step`: memory and state made beforehand, the state carried from call to call.
final class RunnerCall<Value: BenchReal>: BenchCall {
  private let runner: Runner
  private let steps: Int
  /// Taken out while a run has it, as the output is: what nobody else can touch needs no checks.
  private var state: State?
  private let input: [Value]
  private let indices: [Int]
  private var output: [Value]

  init(_ plan: Plan, batch: Int, steps: Int, threads: Int, _ random: inout SplitMix64) throws(RNNError) {
    runner = try Runner(
      plan, batch: batch, maximumSteps: plan.suitableSteps(steps, batch: batch, threads: threads), threads: threads)
    self.steps = steps
    state = try plan.state(batch: batch)
    if let count = plan.inputs[0].indexCount {
      indices = (0..<steps * batch).map { _ in random.index(below: count) }
      input = []
    } else {
      input = (0..<steps * batch * plan.inputSize).map { _ in Value(random.real()) }
      indices = []
    }
    output = Array(repeating: 0, count: (plan.endsInLastStep ? 1 : steps) * batch * plan.outputSize)
  }

  func run(_ times: Int) throws(RNNError) {
    guard var state = state.take() else { return }
    var output: [Value] = []
    swap(&output, &self.output)
    defer {
      self.state = state
      swap(&output, &self.output)
    }
    if indices.isEmpty {
      try Value.run(times, runner, input, steps, &state, &output)
    } else {
      try Value.run(times, runner, indices: indices, steps, &state, &output)
    }
  }
}

/// `Plan.run`: a whole sequence, from tensor to tensors made anew at each call.
final class PlanCall: BenchCall {
  private let plan: Plan
  private let inputs: [Tensor]
  private let threads: Int

  init(_ plan: Plan, batch: Int, steps: Int, threads: Int, _ random: inout SplitMix64) throws(RNNError) {
    let (first, second) = plan.architecture.batchFirst ? (batch, steps) : (steps, batch)
    var inputs: [Tensor] = []
    for input in plan.inputs {
      let tensor: Tensor?
      if let count = input.indexCount {
        let values = (0..<steps * batch).map { _ in Int64(random.index(below: count)) }
        tensor = Shape([first, second]).flatMap { Tensor(values, $0) }
      } else {
        let values = (0..<steps * batch * input.features).map { _ in random.real() }
        tensor = Shape([first, second, input.features]).flatMap { shape in
          plan.precision == .float64 ? Tensor(values, shape) : Tensor(values.map(Float.init), shape)
        }
      }
      guard let tensor else { throw RNNError(.usage, "the input is too large", remedy: "use a smaller batch or fewer steps") }
      inputs.append(tensor)
    }
    self.plan = plan
    self.threads = threads
    self.inputs = inputs
  }

  func run(_ times: Int) throws(RNNError) {
    for _ in 0..<times { _ = try plan.run(inputs, threads: threads) }
  }
}

extension Plan {
  /// How many steps a runner should take at once: their gates stay in the second cache.
  fileprivate func suitableSteps(_ steps: Int, batch: Int, threads: Int) -> Int {
    // Of each thread's rows.
    let batch = (batch + threads - 1) / threads
    var widest = 1
    for module in architecture.recurrentModules { widest = max(widest, 4 * (module.hiddenSize + 16)) }
    let step = widest * precision.elementType.byteCount * batch
    return min(steps, max(1, (1 << 19) / step, (63 + batch) / batch))
  }
}

/// The calls of `Runner` are overloaded by the type of the reals. So many of them follow each other directly, as they do in
/// a program that knows its type.
protocol BenchReal: BinaryFloatingPoint {
  static func run(
    _ times: Int, _ runner: Runner, _ input: [Self], _ steps: Int, _ state: inout State, _ output: inout [Self]
  ) throws(RNNError)
  static func run(
    _ times: Int, _ runner: Runner, indices: [Int], _ steps: Int, _ state: inout State, _ output: inout [Self]
  ) throws(RNNError)
}

extension Float: BenchReal {
  static func run(
    _ times: Int, _ runner: Runner, _ input: [Float], _ steps: Int, _ state: inout State, _ output: inout [Float]
  ) throws(RNNError) {
    var span = output.mutableSpan
    for _ in 0..<times { try runner.run(input.span, steps: steps, &state, into: &span) }
  }

  static func run(
    _ times: Int, _ runner: Runner, indices: [Int], _ steps: Int, _ state: inout State, _ output: inout [Float]
  ) throws(RNNError) {
    var span = output.mutableSpan
    for _ in 0..<times { try runner.run(indices: indices.span, steps: steps, &state, into: &span) }
  }
}

extension Double: BenchReal {
  static func run(
    _ times: Int, _ runner: Runner, _ input: [Double], _ steps: Int, _ state: inout State, _ output: inout [Double]
  ) throws(RNNError) {
    var span = output.mutableSpan
    for _ in 0..<times { try runner.run(input.span, steps: steps, &state, into: &span) }
  }

  static func run(
    _ times: Int, _ runner: Runner, indices: [Int], _ steps: Int, _ state: inout State, _ output: inout [Double]
  ) throws(RNNError) {
    var span = output.mutableSpan
    for _ in 0..<times { try runner.run(indices: indices.span, steps: steps, &state, into: &span) }
  }
}

extension SplitMix64 {
  /// Between −1 and 1.
  mutating func real() -> Double { Double(Int64(bitPattern: next()) >> 11) * 0x1p-52 }
  mutating func index(below count: Int) -> Int { Int(next() % UInt64(max(count, 1))) }
}
