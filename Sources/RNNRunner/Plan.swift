import CRNNKernels
import RNNModel

/// A model made ready to run: its forward checked, its weights packed for the processor.
///
/// A plan never changes. Any number of runners, on any threads, may use one at once.
///
/// ```swift
/// let plan = try Plan(model)
/// let outputs = try plan.run(input)                  // a whole sequence or batch of them
/// let runner = try Runner(plan)                      // or step by step, allocating nothing
/// var state = try plan.state(batch: 1)
/// try runner.step(sample.span, &state, into: &result.mutableSpan)
/// ```
public final class Plan: @unchecked Sendable {
  /// What a plan takes of each step.
  public struct Input: Sendable, Hashable {
    /// The input's name.
    public let name: String
    /// 1 where that is an embedding's index.
    public let features: Int
    /// How many indices there are, where it is whole numbers for embeddings; nil for numbers.
    public let indexCount: Int?
    /// Whether it is whole numbers, indices of an embedding.
    public var takesIndices: Bool { indexCount != nil }
  }

  /// What a plan gives.
  public struct Output: Sendable, Hashable {
    /// Nil for an only one without a name.
    public let name: String?
    /// The features of each step.
    public let features: Int
    /// Whether there is a value for every step, rather than one for each sequence.
    public let hasTime: Bool
  }

  /// What is run: the modules that are called, in the order of their calls, and the forward that calls them.
  public let architecture: Architecture
  /// The shapes of the forward's values.
  public let shapes: ForwardShapes
  /// The type in which everything is computed.
  public let precision: Precision
  /// The instructions that the kernels use. Results have the same bits with each.
  public let instructionSet: InstructionSet
  /// The inputs, in the order in which a run takes them.
  public let inputs: [Input]
  /// The outputs, in the order in which a run gives them.
  public let outputs: [Output]

  let operations: UnsafePointer<rnnkit_operations>
  let program: Program
  let layout: StateLayout
  private let model: Model

  // Kept apart from `inputs` and `outputs`, as every step asks for them.

  /// Features of a step of the first input; 1 where that is an embedding's index.
  public let inputSize: Int
  /// Features of the first output.
  public let outputSize: Int
  /// Whether the first input is whole numbers, indices of an embedding.
  public let takesIndices: Bool
  /// Whether the first output has no time axis.
  public let endsInLastStep: Bool
  /// Whether time only runs forward, so that a sequence can be run in pieces.
  public var isStreamable: Bool { program.isStreamable }

  /// Makes a plan of what a model computes, of another forward of its modules, or of some of the modules, named in the
  /// order of application.
  ///
  /// - Parameters:
  ///   - forward: Nil for the model's own, or that of `modules`.
  ///   - modules: Names; nil for the whole model. See `Architecture.part`.
  ///   - precision: Nil for float64 where a weight of what is run is float64, else float32.
  ///   - instructionSet: Nil for `InstructionSet.preferred`.
  /// - Throws: `RNNError` where it is not known what the model computes, a name is none, a module cannot be run or what it
  ///   takes has another size.
  public init(
    _ model: Model, forward: Forward? = nil, modules: [String]? = nil, precision: Precision? = nil,
    instructionSet: InstructionSet? = nil
  ) throws(RNNError) {
    let runnable = try Runnable(model, forward: forward, modules: modules)
    let precision = precision ?? runnable.naturalPrecision(model)
    let set: InstructionSet
    if let instructionSet { set = instructionSet } else { set = try InstructionSet.preferred }
    self.model = model
    self.precision = precision
    self.instructionSet = set
    architecture = runnable.architecture
    shapes = runnable.shapes
    outputs = runnable.forward.outputs.map { output in
      let shape = runnable.shapes[output.value]
      return Output(name: output.name, features: shape.features ?? 1, hasTime: shape.hasTime)
    }
    operations = try set.operations(precision)
    program =
      switch precision {
      case .float32:
        try Program(
          model, runnable, as: Float.self, Packing(operations: operations.pointee, keepsHalves: set.keepsHalves, multiplyInt8: set.multiplyInt8))
      case .float64:
        try Program(model, runnable, as: Double.self, Packing(operations: operations.pointee, keepsHalves: false, multiplyInt8: nil))
      }
    inputs = zip(zip(runnable.forward.inputs, runnable.shapes.inputs), program.embeddings).map { input, embeddings in
      Input(
        name: input.0.name, features: input.1.features ?? 1,
        indexCount: input.1.isIndices ? embeddings.map(\.module.numEmbeddings).min() : nil)
    }
    (inputSize, takesIndices) = (inputs[0].features, inputs[0].takesIndices)
    (outputSize, endsInLastStep) = (outputs[0].features, !outputs[0].hasTime)
    layout = try Self.layout(program, precision)
  }

  /// The starting state for a batch: the model's own where it stores one, else zeros.
  public func state(batch: Int) throws(RNNError) -> State {
    guard batch >= 0 else { throw RNNError(.usage, "a batch of \(batch)", remedy: "use 0 or more") }
    var state = try State(layout, batch: batch)
    for module in architecture.recurrentModules where module.hasInitialState {
      if let h = try initial("h0", module, batch: batch) { try state.setH(h, module.name) }
      if module.cell == .lstm, let c = try initial("c0", module, batch: batch) { try state.setC(c, module.name) }
    }
    return state
  }

  /// The starting state for a batch from the members of a reference case or an input file: `h0` and `c0` of the only
  /// recurrent module, `<module>.h0` and `<module>.c0` of any. What has no member starts as `state(batch:)` has it.
  ///
  /// Throws for a starting state of no module that is run, and for two of one.
  public func state(batch: Int, members: [NamedTensor]) throws(RNNError) -> State {
    var state = try state(batch: batch)
    let recurrent = architecture.recurrentModules
    var given: [String: String] = [:]
    for member in members {
      guard let name = StateName(member.name) else { continue }
      let module = recurrent.first { $0.name == name.module } ?? (name.module.isEmpty && recurrent.count == 1 ? recurrent[0] : nil)
      guard let module, name.isUsual else {
        let known = recurrent.flatMap { module in
          (module.cell == .lstm ? ["h0", "c0"] : ["h0"]).map { Model.join(recurrent.count == 1 ? "" : module.name, $0) }
        }
        throw RNNError(.badData, place: member.name, "a starting state of no recurrent module that is run",
          remedy: known.isEmpty ? "leave it out" : "name it as one of \(known.listed()), or leave it out")
      }
      let whole = Model.join(module.name, name.isCell ? "c0" : "h0")
      if let other = given.updateValue(member.name, forKey: whole) {
        throw RNNError(.badData, place: member.name, "the starting state of \(module.name) is given as \(other) too",
          remedy: "leave one out")
      }
      if name.isCell { try state.setC(member.tensor, module.name) } else { try state.setH(member.tensor, module.name) }
    }
    for context in layout.contexts {
      if let member = members.first(where: { $0.name == State.name(context) }) { try state.set(context, member.tensor) }
    }
    return state
  }

  /// A stored state of (layers·directions, size), the same for every row of the batch.
  private func initial(_ name: String, _ module: Recurrent, batch: Int) throws(RNNError) -> Tensor? {
    guard let tensor = model.tensor(module.name, name), tensor.shape.rank == 2 else { return nil }
    let values = tensor.reals(Double.self), size = tensor.shape[1]
    let rows = (0..<tensor.shape[0]).flatMap { block in
      (0..<batch).flatMap { _ in values[block * size..<(block + 1) * size] }
    }
    return Shape([tensor.shape[0], batch, size]).flatMap { Tensor(rows, $0) }
  }

  private static func layout(_ program: Program, _ precision: Precision) throws(RNNError) -> StateLayout {
    var modules: [StateLayout.Module] = []
    var count = 0
    for stage in program.recurrent {
      let hasCell = stage.module.cell == .lstm
      let module = StateLayout.Module(
        name: stage.module.name, blockCount: stage.layerCount, hiddenSize: stage.module.hiddenSize,
        stateSize: stage.module.stateSize, hasCell: hasCell, hStride: stage.stateStride,
        cStride: hasCell ? precision.stride(stage.module.hiddenSize) : 0, start: count)
      modules.append(module)
      count += module.blockCount * module.blockStride
    }
    var contexts: [StateLayout.Context] = []
    // A plan that takes whole sequences leaves nothing for a next run.
    for window in program.isStreamable ? program.windows : [] {
      let stage = window.stage, stride = precision.stride(stage.features)
      let context = StateLayout.Context(
        name: window.name, capacity: stage.capacity, features: stage.features, featureStride: stride, before: stage.window.before,
        stride: try product(stage.capacity, stride) + precision.lanes, start: count)
      contexts.append(context)
      count += context.stride
    }
    return StateLayout(precision: precision, modules: modules, contexts: contexts, count: count)
  }
}
