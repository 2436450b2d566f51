import RNNModel

/// Normally distributed numbers that are the same on every machine.
///
/// Uniform numbers from SplitMix64 (Steele, Lea and Flood 2014), whose state starts at the seed; pairs of normal ones
/// from them by Marsaglia's polar method in float64: u and v are 2·(x >> 11)·2^-53 − 1 for two outputs x, taken again
/// until 0 < s = u² + v² < 1; the pair is u·k and v·k with k = √(−2·ln(s)/s). The logarithm is `logarithm(_:)`, whose
/// bits do not depend on a C library.
public struct NormalNumbers: Sendable {
  private var random: SplitMix64
  private var second: Double?

  /// Begins the sequence of that seed; one seed always gives the same numbers.
  public init(seed: UInt64) { random = SplitMix64(seed: seed) }

  /// The next number of mean 0 and standard deviation 1.
  public mutating func next() -> Double {
    if let value = second {
      second = nil
      return value
    }
    while true {
      let u = uniform(), v = uniform()
      let s = u * u + v * v
      guard s > 0, s < 1 else { continue }
      let k = (-2 * Self.logarithm(s) / s).squareRoot()
      second = v * k
      return u * k
    }
  }

  /// In [−1, 1).
  private mutating func uniform() -> Double {
    2 * (Double(random.next() >> 11) * 0x1p-53) - 1
  }

  /// ln x for normal x: x = m·2^n, √½ <= m < √2, by 2·artanh((m − 1)/(m + 1)) summed up to the 25th power.
  private static func logarithm(_ x: Double) -> Double {
    var m = x.significand, n = Double(x.exponent)
    if m >= 2.0.squareRoot() { (m, n) = (m / 2, n + 1) }
    let t = (m - 1) / (m + 1), square = t * t
    var sum = 0.0
    for power in stride(from: 25.0, through: 1, by: -2) { sum = sum * square + 1 / power }
    return n * 0x1.62e42fefa39efp-1 + 2 * t * sum
  }
}

extension State {
  /// Draws every h, and an LSTM's c, from a normal distribution of mean 0 and standard deviation `sigma`: module by
  /// module, first all of h in the order of the tensor (layers·directions, batch, size), then all of c, in float64 and
  /// rounded once. The same seed gives the same bits everywhere.
  public mutating func setNormal(sigma: Double, seed: UInt64) throws(RNNError) {
    var numbers = NormalNumbers(seed: seed)
    for module in layout.modules {
      func draw(_ size: Int) throws(RNNError) -> Tensor {
        let values = (0..<module.blockCount * batch * size).map { _ in sigma * numbers.next() }
        guard let shape = Shape([module.blockCount, batch, size]), let tensor = Tensor(values, shape) else {
          throw RNNError(.defect, place: "module \(module.name)", "the state's size overflows")
        }
        return tensor
      }
      try setH(try draw(module.stateSize), module.name)
      if module.hasCell { try setC(try draw(module.hiddenSize), module.name) }
    }
  }
}
