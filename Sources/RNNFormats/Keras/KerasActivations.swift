import RNNModel

/// Keras' activations by name. Sources: keras/src/activations/activations.py; Keras 2, keras/activations.py.
enum KerasActivations {
  /// The function of a unit; nil for one that RNNKit lacks.
  static func activation(_ name: String, _ version: KerasVersion) -> Activation? {
    switch name {
    case "linear": .identity
    case "tanh": .tanh
    case "sigmoid": .sigmoid
    case "hard_sigmoid": version.hardSigmoid
    case "relu": .relu
    case "elu": .elu(alpha: 1)
    case "softsign": .softsign
    case "softplus": .softplus
    case "leaky_relu": .leakyReLU(alpha: 0.2)
    case "silu", "swish": .silu
    // Its argument `approximate` is false by default, and a name has no arguments.
    case "gelu": .gelu
    case "relu6": .clip(min: 0, max: 6)
    case "hard_tanh": .clip(min: -1, max: 1)
    case "exponential": .exp
    default: nil
    }
  }

  /// A function of a step: of each number, or over its features.
  static func function(_ name: String, _ version: KerasVersion) -> Function? {
    switch name {
    case "softmax": .softmax
    case "log_softmax": .logSoftmax
    default: activation(name, version).map { .elementwise($0) }
    }
  }

  /// Keras 3's name of an activation; nil for one it has not.
  static func name(_ activation: Activation) -> String? {
    let version = KerasVersion(major: 3, minor: 0)
    return [
      "linear", "tanh", "sigmoid", "hard_sigmoid", "relu", "elu", "softsign", "softplus", "leaky_relu", "silu",
      "gelu", "relu6", "hard_tanh", "exponential",
    ].first { self.activation($0, version) == activation }
  }

  /// Keras 3's name of a function of a step.
  static func name(_ function: Function) -> String? {
    switch function {
    case .softmax: "softmax"
    case .logSoftmax: "log_softmax"
    case .elementwise(let activation): name(activation)
    }
  }

  /// Keras 3's layer of an activation that has no name of its own, with its one option.
  static func layer(_ activation: Activation) -> (className: String, option: String, value: Double)? {
    switch activation {
    case .leakyReLU(let alpha): ("LeakyReLU", "negative_slope", alpha)
    case .elu(let alpha): ("ELU", "alpha", alpha)
    case .thresholdedReLU(let alpha) where alpha > 0: ("ReLU", "threshold", alpha)
    case .clip(min: 0, let max): ("ReLU", "max_value", max)
    default: nil
    }
  }
}
