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
    default: nil
    }
  }

  /// What follows a dense layer.
  static func head(_ name: String, _ version: KerasVersion) -> Linear.Head? {
    switch name {
    case "softmax": .softmax
    case "log_softmax": .logSoftmax
    default: activation(name, version).map { .elementwise($0) }
    }
  }

  /// Keras 3's name of an activation; nil for one it has not.
  static func name(_ activation: Activation) -> String? {
    let version = KerasVersion(major: 3, minor: 0)
    return ["linear", "tanh", "sigmoid", "hard_sigmoid", "relu", "elu", "softsign", "softplus", "leaky_relu"]
      .first { self.activation($0, version) == activation }
  }

  /// Keras 3's name of what follows a dense layer.
  static func name(_ head: Linear.Head) -> String? {
    switch head {
    case .softmax: "softmax"
    case .logSoftmax: "log_softmax"
    case .elementwise(let activation): name(activation)
    }
  }
}
