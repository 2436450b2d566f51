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
    case .sigmoid: x >= 0 ? 1 / (1 + Self.exponential(-x)) : Self.exponential(x) / (1 + Self.exponential(x))
    case .tanh: Self.hyperbolicTangent(x)
    case .relu: x > 0 ? x : x.isNaN ? x : 0
    case .hardSigmoid(let alpha, let beta): x.isNaN ? x : min(max(alpha * x + beta, 0), 1)
    case .leakyReLU(let alpha): x < 0 ? alpha * x : x
    case .thresholdedReLU(let alpha): x > alpha || x.isNaN ? x : 0
    case .scaledTanh(let alpha, let beta): alpha * Self.hyperbolicTangent(beta * x)
    case .elu(let alpha): x < 0 ? alpha * expm1(x) : x
    case .softsign: x / (1 + x.magnitude)
    case .softplus: x > 0 ? x + log1p(Self.exponential(-x)) : log1p(Self.exponential(x))
    case .affine(let alpha, let beta): alpha * x + beta
    case .silu: Self.weighted(x, by: Activation.sigmoid.value(x))
    case .gelu: Self.weighted(x, by: Self.normal(x))
    case .geluTanh: Self.weighted(x, by: Activation.sigmoid.value(Self.geluArgument(x)))
    case .clip(let min, let max): x < min ? min : x > max ? max : x
    case .exp: Self.exponential(x)
    case .log: Self.logarithm(x)
    case .sqrt: x.squareRoot()
    case .abs: x.magnitude
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
    case .elu(let alpha): x > 0 ? 1 : alpha * Self.exponential(x)
    case .softsign: 1 / ((1 + x.magnitude) * (1 + x.magnitude))
    case .softplus: Activation.sigmoid.value(x)
    case .affine(let alpha, _): alpha
    case .silu: Self.gatedSlope(x, x, 1)
    case .gelu: Self.normal(x) + Self.weighted(x, by: Self.exponential(-x * x / 2) / (2 * Double.pi).squareRoot())
    case .geluTanh:
      Self.gatedSlope(x, Self.geluArgument(x), (8 / Double.pi).squareRoot() * (1 + 3 * 0.044715 * x * x))
    case .clip(let min, let max): x >= min && x <= max ? 1 : 0
    case .exp: Self.exponential(x)
    case .log: 1 / x
    case .sqrt: 0.5 / x.squareRoot()
    case .abs: x > 0 ? 1 : x < 0 ? -1 : x
    }
  }

  /// The values between which the function runs, where it is bounded.
  var bounds: ClosedRange<Double>? {
    switch self {
    case .sigmoid, .hardSigmoid: 0...1
    case .tanh, .softsign: -1...1
    case .scaledTanh(let alpha, _): -alpha.magnitude...alpha.magnitude
    case .clip(let min, let max) where min <= max: min...max
    default: nil
    }
  }

  /// x·weight, 0 where the weight is.
  private static func weighted(_ x: Double, by weight: Double) -> Double { weight == 0 ? 0 : x * weight }

  /// Φ(x), the normal distribution's.
  private static func normal(_ x: Double) -> Double { erfc(-x / 2.0.squareRoot()) / 2 }

  /// What gelu's tanh form takes the sigmoid of.
  private static func geluArgument(_ x: Double) -> Double {
    (8 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)
  }

  /// Of x·sigmoid(y), with y's own slope.
  private static func gatedSlope(_ x: Double, _ y: Double, _ slope: Double) -> Double {
    let gate = Activation.sigmoid.value(y), other = Activation.sigmoid.value(-y)
    return gate + weighted(x, by: weighted(slope, by: gate * other))
  }

  // The cases' names hide the functions'.
  private static func exponential(_ x: Double) -> Double {
    #if canImport(Glibc)
      Glibc.exp(x)
    #elseif canImport(Musl)
      Musl.exp(x)
    #else
      Darwin.exp(x)
    #endif
  }

  private static func logarithm(_ x: Double) -> Double {
    #if canImport(Glibc)
      Glibc.log(x)
    #elseif canImport(Musl)
      Musl.log(x)
    #else
      Darwin.log(x)
    #endif
  }

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
