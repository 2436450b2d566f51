import RNNModel

/// ONNX's names of activations, with the values that alpha and beta take where a node leaves them out.
///
/// Source: onnx/defs/rnn/defs.cc and the operators of the same names in onnx/defs/math/defs.cc.
enum ActivationName {
  /// The activation of that name, nil for an unknown one or numbers that are not finite. A recurrent node's names may
  /// be spelled in any case, as ONNX Runtime reads them.
  static func activation(_ name: String, alpha: Float?, beta: Float?, isDouble: Bool) -> Activation? {
    func exact(_ value: Float) -> Double {
      // 0.2 rather than 0.20000000298: the same float32, and what the author wrote. In float64 the two differ.
      guard !isDouble, let short = Double(value.description), Float(short) == value else { return Double(value) }
      return short
    }
    func numbers(_ standardAlpha: Float, _ standardBeta: Float? = nil) -> (Double, Double)? {
      let (alpha, beta) = (alpha ?? standardAlpha, beta ?? standardBeta ?? 0)
      return alpha.isFinite && beta.isFinite ? (exact(alpha), exact(beta)) : nil
    }
    switch name.lowercased() {
    case "relu": return .relu
    case "tanh": return .tanh
    case "sigmoid": return .sigmoid
    case "softsign": return .softsign
    case "softplus": return .softplus
    case "affine": return numbers(1, 0).map { .affine(alpha: $0, beta: $1) }
    case "leakyrelu": return numbers(0.01).map { .leakyReLU(alpha: $0.0) }
    case "thresholdedrelu": return numbers(1).map { .thresholdedReLU(alpha: $0.0) }
    case "scaledtanh": return numbers(1, 1).map { .scaledTanh(alpha: $0, beta: $1) }
    case "hardsigmoid": return numbers(0.2, 0.5).map { .hardSigmoid(alpha: $0, beta: $1) }
    case "elu": return numbers(1).map { .elu(alpha: $0.0) }
    default: return nil
    }
  }

  /// How many of alpha and beta a name takes: (0, 0), (1, 0) or (1, 1).
  static func parameters(_ name: String) -> (alpha: Int, beta: Int) {
    switch name.lowercased() {
    case "affine", "scaledtanh", "hardsigmoid": (1, 1)
    case "leakyrelu", "thresholdedrelu", "elu": (1, 0)
    default: (0, 0)
    }
  }

  /// The name in a recurrent node, where the identity is `Affine`; nil for one that no such node has.
  static func name(_ activation: Activation) -> String? {
    switch activation {
    case .identity, .affine: "Affine"
    case .sigmoid: "Sigmoid"
    case .tanh: "Tanh"
    case .relu: "Relu"
    case .hardSigmoid: "HardSigmoid"
    case .leakyReLU: "LeakyRelu"
    case .thresholdedReLU: "ThresholdedRelu"
    case .scaledTanh: "ScaledTanh"
    case .elu: "Elu"
    case .softsign: "Softsign"
    case .softplus: "Softplus"
    case .silu, .gelu, .geluTanh, .clip, .exp, .log, .sqrt, .abs: nil
    }
  }
}
