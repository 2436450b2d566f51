import CRNNKernels
import RNNModel

/// A model made ready to run: its chain checked, its weights packed for the processor.
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
  /// The chain that is run: the model's, or the modules chosen from it.
  public let architecture: Architecture
  public let precision: Precision
  public let instructionSet: InstructionSet
  /// Features of a step's input; 1 where that is an embedding's index.
  public let inputSize: Int
  /// Features of what the chain ends in.
  public let outputSize: Int
  /// Whether the input is whole numbers, indices of the embedding that comes first.
  public let takesIndices: Bool
  /// Whether the chain's end has no time axis, because a recurrent module passes on its last step alone.
  public let endsInLastStep: Bool

  /// The architecture's, or none where only a part of the chain is run.
  let skip: Int
  let inputGain: Double
  /// Features of a step that the input gain multiplies, from the first on.
  let gainedFeatures: Int
  let outputGain: Double
  let operations: UnsafePointer<rnnkit_operations>
  let stages: [Stage]
  let layout: StateLayout
  private let model: Model

  /// Whether time only runs forward, so that a sequence can be run in pieces.
  public var isStreamable: Bool { architecture.recurrentModules.allSatisfy { $0.direction == .forward } }

  /// Makes a plan of a model's chain, or of some of its modules, named in the order of application.
  ///
  /// - Parameters:
  ///   - modules: Names; nil for the whole chain. A part of the chain is run without the model's skip and gains.
  ///   - precision: Nil for float64 where a weight of the chain is float64, else float32.
  ///   - instructionSet: Nil for `InstructionSet.preferred`.
  /// - Throws: `RNNError` where a name is none, a module cannot be run or the sizes of neighbours differ.
  public init(
    _ model: Model, modules: [String]? = nil, precision: Precision? = nil, instructionSet: InstructionSet? = nil
  ) throws(RNNError) {
    let chain = try Chain(model, modules: modules)
    let precision = precision ?? chain.naturalPrecision(model)
    let set: InstructionSet
    if let instructionSet { set = instructionSet } else { set = try InstructionSet.preferred }
    self.model = model
    self.precision = precision
    self.instructionSet = set
    architecture = chain.architecture
    skip = chain.architecture.skip
    inputGain = chain.architecture.inputGain
    gainedFeatures = chain.architecture.inputGainFeatures ?? chain.inputSize
    outputGain = chain.architecture.outputGain
    inputSize = chain.inputSize
    outputSize = chain.outputSize
    takesIndices = chain.takesIndices
    endsInLastStep = chain.endsInLastStep
    operations = try set.operations(precision)
    stages =
      switch precision {
      case .float32:
        try Self.pack(
          model, chain.architecture, as: Float.self,
          Packing(operations: operations.pointee, keepsHalves: set.keepsHalves))
      case .float64:
        try Self.pack(
          model, chain.architecture, as: Double.self, Packing(operations: operations.pointee, keepsHalves: false))
      }
    layout = Self.layout(stages, precision)
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

  private static func pack<R: Real>(
    _ model: Model, _ architecture: Architecture, as type: R.Type, _ packing: Packing
  ) throws(RNNError) -> [Stage] {
    var stages: [Stage] = []
    for module in architecture.modules {
      switch module {
      case .embedding(let module):
        guard let weight = model.tensor(module.name, "weight") else {
          throw RNNError(.defect, place: "tensor \(Model.join(module.name, "weight"))", "missing from the model")
        }
        stages.append(.embedding(EmbeddingStage(module: module, weight: weight)))
      case .recurrent(let module):
        stages.append(.recurrent(try RecurrentStage(model, module, as: type, packing)))
      case .linear(let module):
        stages.append(.linear(try LinearStage(model, module, as: type, packing)))
      case .unknown(let module): throw Chain.cannotRun(module, in: model)
      }
    }
    return stages
  }

  private static func layout(_ stages: [Stage], _ precision: Precision) -> StateLayout {
    var modules: [StateLayout.Module] = []
    var count = 0
    for case .recurrent(let stage) in stages {
      let hasCell = stage.module.cell == .lstm
      let module = StateLayout.Module(
        name: stage.module.name, blockCount: stage.layerCount, hiddenSize: stage.module.hiddenSize,
        stateSize: stage.module.stateSize, hasCell: hasCell, hStride: stage.stateStride,
        cStride: hasCell ? precision.stride(stage.module.hiddenSize) : 0, start: count)
      modules.append(module)
      count += module.blockCount * module.blockStride
    }
    return StateLayout(precision: precision, modules: modules, count: count)
  }
}
