import CRNNKernels
import RNNModel

/// A norm with its weights as the kernels want them. Unchecked, as nothing is written after it is made.
final class NormStage: @unchecked Sendable {
  let norm: UnsafeMutablePointer<rnnkit_norm>
  let isOfSequence: Bool
  private let memory: [AlignedMemory]

  /// - Parameter features: Of a step, as many as the module has or, where it does the same with each position, a multiple.
  init<R: Real>(_ model: Model, _ module: Norm, features: Int, as type: R.Type) throws(RNNError) {
    let positions = max(1, features / module.features), count = try product(positions, module.features)
    func vector(_ parameter: String, or missing: R) throws(RNNError) -> AlignedMemory {
      let memory = try AlignedMemory(reals: count, R.precision)
      let base = memory.base.assumingMemoryBound(to: type)
      if module.parameters.contains(parameter) {
        guard let tensor = model.tensor(module.name, parameter) else {
          throw RNNError(.defect, place: "tensor \(Model.join(module.name, parameter))", "missing from the model")
        }
        tensor.copyReals(from: 0, count: module.features, to: base)
      } else {
        for feature in 0..<module.features { base[feature] = missing }
      }
      for feature in module.features..<max(module.features, count) { base[feature] = base[feature - module.features] }
      return memory
    }
    let scale = try vector("weight", or: 1), shift = try vector("bias", or: 0), mean = try vector("running_mean", or: 0)
    memory = [scale, shift, mean]
    if module.kind == .batch {
      let variance = try vector("running_var", or: 1)
      let scales = scale.base.assumingMemoryBound(to: type), variances = variance.base.assumingMemoryBound(to: type)
      for feature in 0..<count { scales[feature] /= (variances[feature] + R(module.eps)).squareRoot() }
    }
    let kind: rnnkit_norm_kind = switch module.kind {
    case .batch: RNNKIT_BATCH_NORM
    case .layer: RNNKIT_LAYER_NORM
    case .group: RNNKIT_GROUP_NORM
    case .rms: RNNKIT_RMS_NORM
    }
    isOfSequence = module.kind == .group
    norm = .allocate(capacity: 1)
    norm.initialize(
      to: rnnkit_norm(kind: kind, count: count, mean: mean.base, scale: scale.base, shift: shift.base, eps: module.eps))
  }

  deinit { norm.deallocate() }
}

extension TimeFunction {
  /// What the kernels call it.
  var kernel: rnnkit_over_time {
    switch self {
    case .sum: RNNKIT_SUM
    case .mean: RNNKIT_MEAN
    case .max: RNNKIT_LARGEST
    case .softmax: RNNKIT_SOFTMAX_OVER_TIME
    }
  }
}

extension Engine {
  /// Rows each by themselves, or each sequence's own steps together; past its length then +0.
  func normalize(
    _ norm: UnsafePointer<rnnkit_norm>, _ isOfSequence: Bool, _ operation: StepOperation, _ source: Rows, steps: Int,
    _ active: UnsafePointer<Int>?
  ) {
    guard isOfSequence else {
      // A group norm of several rows would take them together.
      let atOnce = norm.pointee.kind == RNNKIT_GROUP_NORM ? 1 : source.count
      var first = 0
      while first < source.count {
        make(.normalize(
          norm, Rows(base: source.base + first * source.stride * real, stride: source.stride, count: atOnce),
          to: operation.target + first * operation.targetStride * real, stride: operation.targetStride))
        first += atOnce
      }
      return
    }
    for row in 0..<batch {
      let length = length(of: row, steps, active)
      make(.normalize(
        norm, Rows(base: source.base + row * source.stride * real, stride: source.stride * batch, count: length),
        to: operation.target + row * operation.targetStride * real, stride: operation.targetStride * batch))
      clear(operation, row, from: length, to: steps)
    }
  }

  /// What is made of each sequence's own steps.
  func make(
    _ function: rnnkit_over_time, _ operation: StepOperation, of source: Rows, steps: Int, _ active: UnsafePointer<Int>?
  ) {
    let keepsTime = function == RNNKIT_SOFTMAX_OVER_TIME
    for row in 0..<batch {
      let length = length(of: row, steps, active)
      make(.overTime(
        function, Rows(base: source.base + row * source.stride * real, stride: source.stride * batch, count: length),
        count: operation.count, to: operation.target + row * operation.targetStride * real, stride: operation.targetStride * batch))
      if keepsTime { clear(operation, row, from: length, to: steps) }
    }
  }

  /// Steps of a row as +0.
  func clear(_ operation: StepOperation, _ row: Int, from first: Int, to end: Int) {
    for step in first..<max(first, end) {
      (operation.target + (step * batch + row) * operation.targetStride * real)
        .initializeMemory(as: UInt8.self, repeating: 0, count: operation.count * real)
    }
  }
}
