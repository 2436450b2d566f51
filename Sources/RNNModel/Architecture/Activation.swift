/// A scalar function of a gate, a candidate or a linear layer's output.
///
/// Sources: torch.nn, keras/src/activations, ONNX `RNN`/`LSTM`/`GRU` operators (onnx/defs/rnn/defs.cc).
public enum Activation: Sendable, Hashable {
  /// x
  case identity
  /// 1 / (1 + exp(−x))
  case sigmoid
  /// The hyperbolic tangent.
  case tanh
  /// x above zero, else 0.
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
  /// x·sigmoid(x)
  case silu
  /// x·Φ(x), Φ the normal distribution's: the erf form.
  case gelu
  /// x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))/2
  case geluTanh
  /// min(max(x, min), max); a side without bound has the largest finite float64.
  case clip(min: Double, max: Double)
  /// The exponential function.
  case exp
  /// The natural logarithm.
  case log
  /// The square root, NaN below zero.
  case sqrt
  /// The magnitude.
  /// The magnitude.
  case abs

  /// Keras 2's `hard_sigmoid`, also the default gate activation of Keras before 2.3.
  public static let hardSigmoidKeras2 = Activation.hardSigmoid(alpha: 0.2, beta: 0.5)
  /// Keras 3's `hard_sigmoid`, PyTorch's `Hardsigmoid`.
  public static let hardSigmoidKeras3 = Activation.hardSigmoid(alpha: 1.0 / 6.0, beta: 0.5)

  /// The name in the architecture's JSON and in the forward line.
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
    case .silu: "silu"
    case .gelu: "gelu"
    case .geluTanh: "gelu_tanh"
    case .clip: "clip"
    case .exp: "exp"
    case .log: "log"
    case .sqrt: "sqrt"
    case .abs: "abs"
    }
  }

  /// The parameters by name, in the order of the JSON.
  public var parameters: [(name: String, value: Double)] {
    switch self {
    case .hardSigmoid(let alpha, let beta), .scaledTanh(let alpha, let beta), .affine(let alpha, let beta):
      [("alpha", alpha), ("beta", beta)]
    case .leakyReLU(let alpha), .thresholdedReLU(let alpha), .elu(let alpha):
      [("alpha", alpha)]
    case .clip(let min, let max): [("min", min), ("max", max)]
    default: []
    }
  }

  /// The names of the parameters that the activation of that name takes, in the order of the JSON.
  private static func parameterNames(_ name: String) -> [String] {
    switch name {
    case "hard_sigmoid", "scaled_tanh", "affine": ["alpha", "beta"]
    case "leaky_relu", "thresholded_relu", "elu": ["alpha"]
    case "clip": ["min", "max"]
    default: []
    }
  }

  /// The activation of that name. Nil for an unknown name, where its parameters are not exactly those given, in any order,
  /// where one is not finite, or for a clip whose min is above its max.
  public init?(name: String, parameters: [(name: String, value: Double)] = []) {
    let names = Self.parameterNames(name)
    let values = names.compactMap { name in parameters.first { $0.name == name }?.value }
    guard values.count == names.count, parameters.count == names.count, values.allSatisfy(\.isFinite) else { return nil }
    switch name {
    case "identity": self = .identity
    case "sigmoid": self = .sigmoid
    case "tanh": self = .tanh
    case "relu": self = .relu
    case "softsign": self = .softsign
    case "softplus": self = .softplus
    case "silu": self = .silu
    case "gelu": self = .gelu
    case "gelu_tanh": self = .geluTanh
    case "exp": self = .exp
    case "log": self = .log
    case "sqrt": self = .sqrt
    case "abs": self = .abs
    case "hard_sigmoid": self = .hardSigmoid(alpha: values[0], beta: values[1])
    case "scaled_tanh": self = .scaledTanh(alpha: values[0], beta: values[1])
    case "affine": self = .affine(alpha: values[0], beta: values[1])
    case "leaky_relu": self = .leakyReLU(alpha: values[0])
    case "thresholded_relu": self = .thresholdedReLU(alpha: values[0])
    case "elu": self = .elu(alpha: values[0])
    case "clip":
      guard values[0] <= values[1] else { return nil }
      self = .clip(min: values[0], max: values[1])
    default: return nil
    }
  }
}

/// A function applied to a value: to each number by itself, or over the features of a step.
public enum Function: Sendable, Hashable {
  /// An activation, applied to each number by itself.
  case elementwise(Activation)
  /// Over the features of a step.
  case softmax
  /// The logarithm of the softmax, over the features of a step.
  case logSoftmax

  /// `relu`, `softmax`
  public var name: String {
    switch self {
    case .elementwise(let activation): activation.name
    case .softmax: "softmax"
    case .logSoftmax: "log_softmax"
    }
  }
}
