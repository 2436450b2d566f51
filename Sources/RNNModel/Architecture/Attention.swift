/// Scaled dot-product attention of one or several heads: for each step of a query, a mean of all of a sequence's values, weighted
/// by a softmax over the products of query and keys.
public struct Attention: Sendable, Hashable {
  /// Parts of the features that attend by themselves.
  public var heads: Int
  /// What products of query and key are multiplied with; nil for 1 / √(features of a head).
  public var scale: Double?

  public init(heads: Int = 1, scale: Double? = nil) {
    self.heads = heads
    self.scale = scale
  }

  /// - Parameter features: Of a query, all heads'.
  public func factor(_ features: Int) -> Double { scale ?? 1 / (Double(features / Swift.max(heads, 1))).squareRoot() }
}

/// PyTorch's `nn.MultiheadAttention` over time: query, key and value are projected, attend, and the result is projected.
public struct MultiheadAttention: Sendable, Hashable {
  /// The module's name.
  public var name: String
  /// Features of a query and of what it gives.
  public var embedDim: Int
  /// The number of heads; divides the embedding's size.
  public var numHeads: Int
  /// Features of a key and of a value.
  public var kdim: Int
  /// The features of the values.
  public var vdim: Int
  /// Whether the projections have biases.
  public var bias: Bool

  public init(name: String, embedDim: Int, numHeads: Int, kdim: Int? = nil, vdim: Int? = nil, bias: Bool = true) {
    self.name = name
    self.embedDim = embedDim
    self.numHeads = numHeads
    self.kdim = kdim ?? embedDim
    self.vdim = vdim ?? embedDim
    self.bias = bias
  }

  /// Whether PyTorch keeps the three projections in one tensor.
  public var isJoined: Bool { kdim == embedDim && vdim == embedDim }

  /// Its parameters and their shapes, as PyTorch has them.
  public var parameters: [(name: String, shape: [Int])] {
    var result: [(name: String, shape: [Int])] =
      isJoined
      ? [("in_proj_weight", [3 * embedDim, embedDim])]
      : [("q_proj_weight", [embedDim, embedDim]), ("k_proj_weight", [embedDim, kdim]), ("v_proj_weight", [embedDim, vdim])]
    if bias { result.append(("in_proj_bias", [3 * embedDim])) }
    result.append(("out_proj.weight", [embedDim, embedDim]))
    if bias { result.append(("out_proj.bias", [embedDim])) }
    return result
  }

  /// The call that makes the module in PyTorch.
  package func construction(_ more: String = "") -> String {
    var parts = ["\(embedDim)", "\(numHeads)"]
    if !bias { parts.append("bias=False") }
    if kdim != embedDim { parts.append("kdim=\(kdim)") }
    if vdim != embedDim { parts.append("vdim=\(vdim)") }
    if !more.isEmpty { parts.append(more) }
    return "MultiheadAttention(\(parts.joined(separator: ", ")))"
  }
}
