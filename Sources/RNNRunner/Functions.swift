import CRNNKernels
import RNNModel

extension Activation {
  /// What the kernels call it.
  var kernel: rnnkit_activation {
    func make(_ function: rnnkit_function, _ alpha: Double = 0, _ beta: Double = 0) -> rnnkit_activation {
      rnnkit_activation(function: function, alpha: alpha, beta: beta)
    }
    return switch self {
    case .identity: make(RNNKIT_IDENTITY)
    case .sigmoid: make(RNNKIT_SIGMOID)
    case .tanh: make(RNNKIT_TANH)
    case .relu: make(RNNKIT_RELU)
    case .hardSigmoid(let alpha, let beta): make(RNNKIT_HARD_SIGMOID, alpha, beta)
    case .leakyReLU(let alpha): make(RNNKIT_LEAKY_RELU, alpha)
    case .thresholdedReLU(let alpha): make(RNNKIT_THRESHOLDED_RELU, alpha)
    case .scaledTanh(let alpha, let beta): make(RNNKIT_SCALED_TANH, alpha, beta)
    case .elu(let alpha): make(RNNKIT_ELU, alpha)
    case .softsign: make(RNNKIT_SOFTSIGN)
    case .softplus: make(RNNKIT_SOFTPLUS)
    case .affine(let alpha, let beta): make(RNNKIT_AFFINE, alpha, beta)
    case .silu: make(RNNKIT_SILU)
    case .gelu: make(RNNKIT_GELU)
    case .geluTanh: make(RNNKIT_GELU_TANH)
    case .clip(let min, let max): make(RNNKIT_CLIP, min, max)
    case .exp: make(RNNKIT_EXP)
    case .log: make(RNNKIT_LOG)
    case .sqrt: make(RNNKIT_SQRT)
    case .abs: make(RNNKIT_ABS)
    }
  }
}

extension Function {
  var kernel: rnnkit_activation {
    switch self {
    case .elementwise(let activation): activation.kernel
    case .softmax: rnnkit_activation(function: RNNKIT_SOFTMAX, alpha: 0, beta: 0)
    case .logSoftmax: rnnkit_activation(function: RNNKIT_LOG_SOFTMAX, alpha: 0, beta: 0)
    }
  }
}

extension Forward.Arithmetic {
  var kernel: rnnkit_arithmetic {
    switch self {
    case .add: RNNKIT_ADD
    case .subtract: RNNKIT_SUBTRACT
    case .multiply: RNNKIT_MULTIPLY
    case .divide: RNNKIT_DIVIDE
    }
  }
}
