import RNNModel

/// Reals that an engine keeps of one step of one row.
struct RowSizes {
  /// Of each input; of an embedding's index none, since those are kept as integers.
  let inputs: [Int]
  /// Of all values that are computed.
  let slots: Int
  /// Of the last recurrent module's output; nil without one.
  let kept: Int?
  /// Of the widest layer's gates.
  let gates: Int

  init(_ plan: Plan) {
    inputs = plan.inputs.map { $0.takesIndices ? 0 : plan.precision.stride($0.features) }
    slots = plan.program.slotCount * plan.program.slotStride
    kept = plan.program.kept?.stride
    gates = plan.program.recurrent.map(\.gates).max() ?? 0
  }

  /// Bytes of all of them.
  func byteCount(_ precision: Precision) -> Int {
    // Steps and inputs are limited, and none is larger than a module may be, so that there is no overflow.
    let indices = inputs.count { $0 == 0 } * MemoryLayout<Int>.size
    return (inputs.reduce(0, +) + slots + (kept ?? 0) + gates) * precision.size + indices
  }
}
