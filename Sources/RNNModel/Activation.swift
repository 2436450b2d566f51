/// A scalar function of a gate, a candidate or a linear layer's output.
///
/// Sources: torch.nn, keras/src/activations, ONNX `RNN`/`LSTM`/`GRU` operators (onnx/defs/rnn/defs.cc).
public enum Activation: Sendable, Hashable {
  case identity
  case sigmoid
  case tanh
  case relu
  /// clip(alpha·x + beta, 0, 1). Keras 2: 0.2 and 0.5; Keras 3 and PyTorch: 1/6 and 0.5; ONNX: as the node says.
  case hardSigmoid(alpha: Double, beta: Double)
  /// x below zero times alpha.
  case leakyReLU(alpha: Double)
  /// x where x > alpha, else 0.
  case thresholdedReLU(alpha: Double)
  /// alpha·tanh(beta·x)
  case scaledTanh(alpha: Double, beta: Double)
  /// alpha·(exp(x) − 1) below zero.
  case elu(alpha: Double)
  /// x / (1 + |x|)
  case softsign
  /// log(1 + exp(x))
  case softplus
  /// alpha·x + beta
  case affine(alpha: Double, beta: Double)

  /// Keras 2's `hard_sigmoid`, also the default gate activation of Keras before 2.3.
  public static let hardSigmoidKeras2 = Activation.hardSigmoid(alpha: 0.2, beta: 0.5)
  /// Keras 3's `hard_sigmoid`, PyTorch's `Hardsigmoid`.
  public static let hardSigmoidKeras3 = Activation.hardSigmoid(alpha: 1.0 / 6.0, beta: 0.5)

  /// The name in the architecture's JSON.
  public var name: String {
    switch self {
    case .identity: "identity"
    case .sigmoid: "sigmoid"
    case .tanh: "tanh"
    case .relu: "relu"
    case .hardSigmoid: "hard_sigmoid"
    case .leakyReLU: "leaky_relu"
    case .thresholdedReLU: "thresholded_relu"
    case .scaledTanh: "scaled_tanh"
    case .elu: "elu"
    case .softsign: "softsign"
    case .softplus: "softplus"
    case .affine: "affine"
    }
  }

  /// The parameters by name, in the order of the JSON.
  public var parameters: [(name: String, value: Double)] {
    switch self {
    case .hardSigmoid(let alpha, let beta), .scaledTanh(let alpha, let beta), .affine(let alpha, let beta):
      [("alpha", alpha), ("beta", beta)]
    case .leakyReLU(let alpha), .thresholdedReLU(let alpha), .elu(let alpha):
      [("alpha", alpha)]
    default: []
    }
  }

  /// The activation of that name. Nil for an unknown name, or where its parameters are not exactly those given or one is
  /// not finite.
  public init?(name: String, alpha: Double? = nil, beta: Double? = nil) {
    guard alpha?.isFinite ?? true, beta?.isFinite ?? true else { return nil }
    switch (name, alpha, beta) {
    case ("identity", nil, nil): self = .identity
    case ("sigmoid", nil, nil): self = .sigmoid
    case ("tanh", nil, nil): self = .tanh
    case ("relu", nil, nil): self = .relu
    case ("softsign", nil, nil): self = .softsign
    case ("softplus", nil, nil): self = .softplus
    case ("hard_sigmoid", let alpha?, let beta?): self = .hardSigmoid(alpha: alpha, beta: beta)
    case ("scaled_tanh", let alpha?, let beta?): self = .scaledTanh(alpha: alpha, beta: beta)
    case ("affine", let alpha?, let beta?): self = .affine(alpha: alpha, beta: beta)
    case ("leaky_relu", let alpha?, nil): self = .leakyReLU(alpha: alpha)
    case ("thresholded_relu", let alpha?, nil): self = .thresholdedReLU(alpha: alpha)
    case ("elu", let alpha?, nil): self = .elu(alpha: alpha)
    default: return nil
    }
  }
}
