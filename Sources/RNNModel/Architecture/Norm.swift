/// A norm of PyTorch's: `nn.BatchNorm1d` with running statistics, `nn.LayerNorm`, `nn.RMSNorm`, or `nn.GroupNorm` of one group.
public struct Norm: Sendable, Hashable {
  /// The kinds of normalization.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// Each feature by the mean and variance in the file.
    case batch = "BatchNorm1d"
    /// The features of each step.
    case layer = "LayerNorm"
    /// All features of all of a sequence's steps together; those of a value without a time axis.
    case group = "GroupNorm"
    /// The features of each step by their root mean square.
    case rms = "RMSNorm"

    /// What PyTorch takes where nothing is said. RMSNorm's is float32's least difference from 1.
    public var usualEps: Double { self == .rms ? 0x1p-23 : 1e-5 }
  }

  /// The module's name.
  public var name: String
  /// Which normalization.
  public var kind: Kind
  /// The number of features.
  public var features: Int
  /// Added to the variance.
  public var eps: Double
  /// Whether there is a `weight`.
  public var hasWeight: Bool
  /// Whether there is a `bias`.
  public var hasBias: Bool

  public init(
    name: String, kind: Kind, features: Int, eps: Double? = nil, hasWeight: Bool = true, hasBias: Bool? = nil
  ) {
    self.name = name
    self.kind = kind
    self.features = features
    self.eps = eps ?? kind.usualEps
    self.hasWeight = hasWeight
    self.hasBias = hasBias ?? (hasWeight && kind != .rms)
  }

  /// The parameters' names, in PyTorch's order; each is one number for each feature.
  public var parameters: [String] {
    (hasWeight ? ["weight"] : []) + (hasBias ? ["bias"] : []) + (kind == .batch ? ["running_mean", "running_var"] : [])
  }

  /// The call that makes the module in PyTorch.
  public var construction: String {
    var parts = kind == .group ? ["1", "\(features)"] : ["\(features)"]
    if eps != kind.usualEps || kind == .rms { parts.append("eps=\(eps)") }
    switch kind {
    case .batch, .group: if !hasWeight { parts.append("affine=False") }
    case .layer:
      if !hasWeight { parts.append("elementwise_affine=False") } else if !hasBias { parts.append("bias=False") }
    case .rms: if !hasWeight { parts.append("elementwise_affine=False") }
    }
    return "\(kind.rawValue)(\(parts.joined(separator: ", ")))"
  }
}
