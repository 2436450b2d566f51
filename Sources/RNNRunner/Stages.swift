import CRNNKernels
import RNNModel

/// Rows of a table, widened as they are looked up.
struct EmbeddingStage {
  let module: Embedding
  let weight: Tensor
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
  let bias: AlignedMemory
  /// Reals in a row of results.
  let stride: Int
  private let memory: AlignedMemory

  init<R: Real>(_ model: Model, _ module: Linear, as type: R.Type, _ packing: Packing) throws(RNNError) {
    guard let weight = model.tensor(module.name, "weight") else {
      throw RNNError(.defect, place: "tensor \(Model.join(module.name, "weight"))", "missing from the model")
    }
    let packed = try PackedMatrix(
      plain: weight, as: type, packing, rows: module.outFeatures, inner: module.inFeatures)
    let count = packed.resultCount(R.precision)
    bias = try AlignedMemory(reals: count, R.precision)
    if module.bias, let tensor = model.tensor(module.name, "bias") {
      tensor.copyReals(from: 0, count: module.outFeatures, to: bias.base.assumingMemoryBound(to: type))
    }
    self.module = module
    memory = packed.memory
    stride = R.precision.stride(count)
    matrix = .allocate(capacity: 1)
    matrix.initialize(to: packed.matrix)
  }

  deinit { matrix.deallocate() }
}
