import CRNNKernels
import RNNModel

/// Rows of a table, widened as they are looked up.
struct EmbeddingStage {
  let module: Embedding
  let weight: Tensor
  /// Where the weight is whole numbers, each row's scale.
  let scale: Tensor?
}

/// A recurrent module's layers. Unchecked, as nothing is written after it is made.
final class RecurrentStage: @unchecked Sendable {
  let module: Recurrent
  /// Layer by layer, the forward direction before the reverse.
  let layers: UnsafeMutablePointer<rnnkit_layer>
  let layerCount: Int
  /// Reals in a row of h.
  let stateStride: Int
  private let memory: [AlignedMemory]

  init<R: Real>(
    _ model: Model, _ module: Recurrent, as type: R.Type, _ packing: Packing
  ) throws(RNNError) {
    var packed: [PackedLayer] = []
    for layer in 0..<module.numLayers {
      for direction in 0..<module.directionCount {
        packed.append(
          try PackedLayer(model, module, layer: layer, direction: direction, as: type, packing))
      }
    }
    self.module = module
    memory = packed.flatMap(\.memory)
    stateStride = packed.map { $0.stateCount(R.precision) }.max().map { R.precision.stride($0) } ?? 0
    layerCount = packed.count
    layers = .allocate(capacity: packed.count)
    layers.initialize(from: packed.map(\.layer), count: packed.count)
  }

  deinit { layers.deallocate() }

  /// Whether time runs backwards in a direction of the module.
  func isReverse(_ direction: Int) -> Bool { direction == 1 || module.direction == .reverse }

  /// Reals in the largest row of gates.
  var gates: Int { (0..<layerCount).map { layers[$0].gates }.max() ?? 0 }
}

/// A linear layer. Unchecked, as nothing is written after it is made.
final class LinearStage: @unchecked Sendable {
  let module: Linear
  let matrix: UnsafeMutablePointer<rnnkit_matrix>
  /// Whether its lanes are columns.
  let isNarrow: Bool
  let bias: AlignedMemory
  /// Reals in a row of results.
  let stride: Int
  private let memory: AlignedMemory

  convenience init<R: Real>(_ model: Model, _ module: Linear, as type: R.Type, _ packing: Packing) throws(RNNError) {
    guard let weight = model.tensor(module.name, "weight") else {
      throw RNNError(.defect, place: "tensor \(Model.join(module.name, "weight"))", "missing from the model")
    }
    try self.init(
      module, weight, module.bias ? model.tensor(module.name, "bias") : nil, as: type, packing,
      packing.multiplyInt8 == nil ? nil : model.quantized(Model.join(module.name, "weight")))
  }

  /// One of an attention's projections: of query, key, value, or of what it gives.
  convenience init<R: Real>(
    _ model: Model, _ module: MultiheadAttention, part: Int, as type: R.Type, _ packing: Packing
  ) throws(RNNError) {
    let size = module.embedDim, taken = [size, module.kdim, module.vdim, size][part]
    let linear = Linear(name: module.name, inFeatures: taken, outFeatures: size, bias: module.bias)
    func rows(_ parameter: String) -> Tensor? { model.tensor(module.name, parameter)?.rows(part * size..<(part + 1) * size) }
    let weight = switch part {
    case 3: model.tensor(module.name, "out_proj.weight")
    case _ where module.isJoined: rows("in_proj_weight")
    default: model.tensor(module.name, ["q_proj_weight", "k_proj_weight", "v_proj_weight"][part])
    }
    let bias = part == 3 ? model.tensor(module.name, "out_proj.bias") : rows("in_proj_bias")
    guard let weight, !module.bias || bias != nil else { throw RNNError(.defect, place: "module \(module.name)", "a parameter is missing from the model") }
    try self.init(linear, weight, module.bias ? bias : nil, as: type, packing)
  }

  private init<R: Real>(
    _ module: Linear, _ weight: Tensor, _ given: Tensor?, as type: R.Type, _ packing: Packing,
    _ quantized: QuantizedWeight? = nil
  ) throws(RNNError) {
    let isNarrow = quantized == nil && module.outFeatures <= Int(RNNKIT_NARROW)
    let packed = isNarrow
      ? try PackedMatrix(narrow: weight, as: type, rows: module.outFeatures, inner: module.inFeatures)
      : try PackedMatrix(plain: weight, as: type, packing, rows: module.outFeatures, inner: module.inFeatures, quantized: quantized)
    let count = isNarrow ? module.outFeatures : packed.resultCount(R.precision)
    bias = try AlignedMemory(reals: count, R.precision)
    if let given {
      given.copyReals(from: 0, count: module.outFeatures, to: bias.base.assumingMemoryBound(to: type))
    }
    self.module = module
    self.isNarrow = isNarrow
    memory = packed.memory
    stride = R.precision.stride(count)
    matrix = .allocate(capacity: 1)
    matrix.initialize(to: packed.matrix)
  }

  deinit { matrix.deallocate() }
}
