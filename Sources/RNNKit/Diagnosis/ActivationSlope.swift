import RNNModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension Activation {
  /// The function's value at x, in float64 by the C library.
  func value(_ x: Double) -> Double {
    switch self {
    case .identity: x
    case .sigmoid: x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x))
    case .tanh: Self.hyperbolicTangent(x)
    case .relu: x > 0 ? x : x.isNaN ? x : 0
    case .hardSigmoid(let alpha, let beta): x.isNaN ? x : min(max(alpha * x + beta, 0), 1)
    case .leakyReLU(let alpha): x < 0 ? alpha * x : x
    case .thresholdedReLU(let alpha): x > alpha || x.isNaN ? x : 0
    case .scaledTanh(let alpha, let beta): alpha * Self.hyperbolicTangent(beta * x)
    case .elu(let alpha): x < 0 ? alpha * expm1(x) : x
    case .softsign: x / (1 + abs(x))
    case .softplus: x > 0 ? x + log1p(exp(-x)) : log1p(exp(x))
    case .affine(let alpha, let beta): alpha * x + beta
    }
  }

  /// The function's derivative at x; at a kink the one that PyTorch takes, 0 for relu at 0.
  func slope(_ x: Double) -> Double {
    switch self {
    case .identity: 1
    case .sigmoid: value(x) * (1 - value(x))
    case .tanh: 1 - value(x) * value(x)
    case .relu: x > 0 ? 1 : 0
    case .hardSigmoid(let alpha, let beta): (0...1).contains(alpha * x + beta) ? alpha : 0
    case .leakyReLU(let alpha): x > 0 ? 1 : alpha
    case .thresholdedReLU(let alpha): x > alpha ? 1 : 0
    case .scaledTanh(let alpha, let beta):
      alpha * beta * (1 - Self.hyperbolicTangent(beta * x) * Self.hyperbolicTangent(beta * x))
    case .elu(let alpha): x > 0 ? 1 : alpha * exp(x)
    case .softsign: 1 / ((1 + abs(x)) * (1 + abs(x)))
    case .softplus: Activation.sigmoid.value(x)
    case .affine(let alpha, _): alpha
    }
  }

  /// The values between which the function runs, where it is bounded.
  var bounds: ClosedRange<Double>? {
    switch self {
    case .sigmoid, .hardSigmoid: 0...1
    case .tanh, .softsign: -1...1
    case .scaledTanh(let alpha, _): -abs(alpha)...abs(alpha)
    default: nil
    }
  }

  // The case's name hides the function's.
  private static func hyperbolicTangent(_ x: Double) -> Double {
    #if canImport(Glibc)
      Glibc.tanh(x)
    #elseif canImport(Musl)
      Musl.tanh(x)
    #else
      Darwin.tanh(x)
    #endif
  }
}
