import CRNNKernels
import RNNModel

extension Engine {
  /// Attention of each sequence within its own length; +0 past that.
  func attend(
    heads: Int, scale: Double, _ operation: StepOperation, _ values: UnsafeMutablePointer<Rows>, _ features: UnsafeMutablePointer<Int>,
    steps: Int, _ active: UnsafePointer<Int>?, _ scratch: UnsafeMutableRawPointer
  ) {
    let inputs = operation.inputs, (query, key, value) = (values[inputs[0]], values[inputs[1]], values[inputs[2]])
    let axis = axes[plan.program.values[inputs[1]].axis ?? 0]
    var call = rnnkit_attention()
    (call.query_stride, call.key_stride, call.value_stride) = (query.stride * batch, key.stride * batch, value.stride * batch)
    (call.heads, call.scale) = (heads, scale)
    (call.size, call.width) = (features[inputs[0]] / heads, features[inputs[2]] / heads)
    call.scratch = scratch
    for row in 0..<batch {
      call.query = query.base + row * query.stride * real
      call.keys = key.base + row * key.stride * real
      call.values = value.base + row * value.stride * real
      call.steps = length(of: row, axis.steps, axis.active)
      let queries = operation.keepsTime ? steps : 1
      call.queries = operation.keepsTime ? length(of: row, steps, active) : 1
      let target = operation.target + row * operation.targetStride * real
      withUnsafePointer(to: call) { make(.attend($0, to: target, stride: operation.targetStride * batch)) }
      if operation.keepsTime { clear(operation, row, from: call.queries, to: queries) }
    }
  }
}
