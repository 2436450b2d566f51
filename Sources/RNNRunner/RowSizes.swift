import RNNModel

/// Reals that an engine keeps of one step of one row.
struct RowSizes {
  /// Of the input, or of what an embedding makes of it.
  let input: Int
  /// Of the widest module's output, which there is room for twice.
  let widest: Int
  /// Of the last recurrent module's output; nil without one.
  let kept: Int?
  /// Of the widest layer's gates.
  let gates: Int

  init(_ plan: Plan) {
    let precision = plan.precision
    var widest = 0, kept: Int?, gates = 0, features = plan.inputSize
    for stage in plan.stages {
      switch stage {
      case .embedding(let stage): features = stage.module.embeddingDim
      case .recurrent(let stage):
        let stride = precision.stride(stage.module.outputSize)
        widest = max(widest, stride)
        kept = stride
        gates = max(gates, stage.gates)
      case .linear(let stage): widest = max(widest, stage.stride)
      }
    }
    input = precision.stride(features)
    self.widest = widest
    self.kept = kept
    self.gates = gates
  }

  /// Bytes of all of them.
  func byteCount(_ precision: Precision) -> Int {
    // None is larger than a module may be, so that there is no overflow.
    (input + 2 * widest + (kept ?? 0) + gates) * precision.size
  }
}
