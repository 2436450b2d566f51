import RNNFormats
import RNNModel

/// Writes scaled dot-product attention.
struct AttentionWriter {
  let model: Model
  let type: ElementType

  /// PyTorch's module: query, key and value are projected, attend, and the result is projected.
  func write(
    _ module: MultiheadAttention, _ inputs: [String], _ query: GraphTime?, _ keys: GraphTime, _ builder: inout GraphBuilder
  ) throws(RNNError) -> String {
    let scope = ONNXWriter.scope(module.name)
    func weight(_ name: String) throws(RNNError) -> String {
      guard let tensor = model.tensor(module.name, name) else { throw ONNXWriter.refuse(module.name, "its \(name) is missing") }
      return builder.weight(Model.join(module.name, name), tensor, as: type, scope: scope)
    }
    /// Of query, key and value.
    func parts(_ name: String) throws(RNNError) -> [String] {
      let sizes = builder.integers([Int](repeating: module.embedDim, count: 3))
      return builder.nodes("Split", [try weight(name), sizes], scope: scope, [.integer("axis", 0)], outputs: [nil, nil, nil])
    }
    func projected(_ value: String, _ weight: String, _ bias: String?) -> String {
      let matrix = builder.node("Transpose", [weight], scope: scope, [.integers("perm", [1, 0])])
      let product = builder.node("MatMul", [value, matrix], scope: scope)
      return bias.map { builder.node("Add", [product, $0], scope: scope) } ?? product
    }
    let weights = module.isJoined
      ? try parts("in_proj_weight") : [try weight("q_proj_weight"), try weight("k_proj_weight"), try weight("v_proj_weight")]
    let biases = module.bias ? try parts("in_proj_bias") : []
    let values = inputs.indices.map { projected(inputs[$0], weights[$0], biases.isEmpty ? nil : biases[$0]) }
    let factor = Attention(heads: module.numHeads).factor(module.embedDim)
    let result = try write(values, heads: module.numHeads, factor, query, keys, scope, &builder)
    return projected(result, try weight("out_proj.weight"), module.bias ? try weight("out_proj.bias") : nil)
  }

  /// - Parameters:
  ///   - inputs: Query, key and value, (time, batch, features); the query may have no time axis.
  ///   - factor: What products of query and key are multiplied with.
  func write(
    _ inputs: [String], heads: Int, _ factor: Double, _ query: GraphTime?, _ keys: GraphTime, _ scope: String,
    _ builder: inout GraphBuilder
  ) throws(RNNError) -> String {
    /// The heads' features apart, in this order of (time, batch, heads, features).
    func divided(_ value: String, _ order: [Int]) -> String {
      let parts = builder.node("Reshape", [value, builder.integers([0, 0, heads, -1])], scope: scope)
      return builder.node("Transpose", [parts], scope: scope, [.integers("perm", order)])
    }
    let whole = query == nil ? builder.node("Unsqueeze", [inputs[0], builder.integers([0])], scope: scope) : inputs[0]
    let scaled = builder.node("Mul", [whole, try builder.number(factor, type)], scope: scope)
    let products = builder.node("MatMul", [divided(scaled, [1, 2, 0, 3]), divided(inputs[1], [1, 2, 3, 0])], scope: scope)
    let row = builder.node("Transpose", [keys.mask(&builder)], scope: scope, [.integers("perm", [1, 2, 0])])
    let isOwn = builder.node("Unsqueeze", [row, builder.integers([1])], scope: scope)
    let nothing = try builder.number(-.infinity, type)
    let scores = builder.node("Where", [isOwn, products, nothing], scope: scope)
    let weights = builder.node("Softmax", [scores], scope: scope, [.integer("axis", -1)])
    let own = divided(try keys.masked(inputs[2], type, &builder), [1, 2, 0, 3])
    let means = builder.node("Transpose", [builder.node("MatMul", [weights, own], scope: scope)], scope: scope, [.integers("perm", [2, 0, 1, 3])])
    let result = builder.node("Reshape", [means, builder.integers([0, 0, -1])], scope: scope)
    guard let query else { return builder.node("Squeeze", [result, builder.integers([0])], scope: scope) }
    return try query.masked(result, type, &builder)
  }
}
