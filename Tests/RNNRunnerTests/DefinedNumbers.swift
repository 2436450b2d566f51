/// The functions of `Schemas/numbers.md`, one number at a time, written from that page and nothing else.
protocol DefinedReal: BinaryFloatingPoint, DefinedActivationReal, Sendable {
  static var log2e: Self { get }
  static var ln2: Self { get }
  static var ln2High: Self { get }
  static var ln2Low: Self { get }
  /// Without the exponents that are added to it.
  static var rounder: Self { get }
  static var bias: Int { get }
  static var raise: Int { get }
  static var expLeast: Self { get }
  static var tanhLeast: Self { get }
  static var sigmoidMost: Self { get }
  static var lanes: Int { get }
  /// C's quotient Q in powers of r.
  static func expQuotient(_ r: Self) -> Self
  /// log's R in powers of z.
  static func logTail(_ z: Self) -> Self
  /// The whole number n and m with x = m·2^n, √½ <= m < √2.
  static func splitForLog(_ x: Self) -> (n: Self, m: Self)
}

func fma<R: BinaryFloatingPoint>(_ a: R, _ b: R, _ c: R) -> R { c.addingProduct(a, b) }

extension Float: DefinedReal {
  static var log2e: Float { 0x1.715476p+0 }
  static var ln2: Float { 0x1.62e43p-1 }
  static var ln2High: Float { 0x1.62e4p-1 }
  static var ln2Low: Float { 0x1.7f7d1cp-20 }
  static var rounder: Float { 0x1.8p23 }
  static var bias: Int { 127 }
  static var raise: Int { 32 }
  static var expLeast: Float { -104 }
  static var tanhLeast: Float { -19 }
  static var sigmoidMost: Float { 17.5 }
  static var lanes: Int { 16 }

  static func expQuotient(_ r: Float) -> Float {
    let c: [Float] = [0x1.5554b6p-3, 0x1.5555bap-5, 0x1.1223aap-7, 0x1.6c5586p-10]
    return fma(fma(c[3], r, c[2]), r * r, fma(c[1], r, c[0]))
  }

  static func logTail(_ z: Float) -> Float {
    let d: [Float] = [0x1.555554p-1, 0x1.999a7cp-2, 0x1.2438a8p-2, 0x1.e2fddcp-3]
    return fma(fma(d[3], z, d[2]), z * z, fma(d[1], z, d[0])) * z
  }

  static func splitForLog(_ x: Float) -> (n: Float, m: Float) {
    let n = (Int32(bitPattern: x.bitPattern) - 0x3f35_04f3) >> 23
    return (Float(n), Float(bitPattern: UInt32(bitPattern: Int32(bitPattern: x.bitPattern) - n << 23)))
  }
}

extension Double: DefinedReal {
  static var log2e: Double { 0x1.71547652b82fep+0 }
  static var ln2: Double { 0x1.62e42fefa39efp-1 }
  static var ln2High: Double { 0x1.62e42fefa3000p-1 }
  static var ln2Low: Double { 0x1.3de6af278ece6p-42 }
  static var rounder: Double { 0x1.8p52 }
  static var bias: Int { 1023 }
  static var raise: Int { 128 }
  static var expLeast: Double { -746 }
  static var tanhLeast: Double { -40 }
  static var sigmoidMost: Double { 37.5 }
  static var lanes: Int { 8 }

  static func expQuotient(_ r: Double) -> Double {
    let c: [Double] = [
      0x1.5555555555559p-3, 0x1.5555555555549p-5, 0x1.111111110f7d1p-7, 0x1.6c16c16c1ccb3p-10, 0x1.a01a01af81bb0p-13,
      0x1.a01a018323ed8p-16, 0x1.71ddf931f092ap-19, 0x1.27e52acd924ebp-22, 0x1.af5d60d347e0ep-26, 0x1.1ef5e371b61cbp-29,
    ]
    let r2 = r * r, r4 = r2 * r2
    let p = (0..<5).map { fma(c[2 * $0 + 1], r, c[2 * $0]) }
    return fma(fma(p[4], r4, fma(p[3], r2, p[2])), r4, fma(p[1], r2, p[0]))
  }

  static func logTail(_ z: Double) -> Double {
    let d: [Double] = [
      0x1.5555555555593p-1, 0x1.999999997fb2ep-2, 0x1.2492494217c87p-2, 0x1.c71c51e7d9ab4p-3, 0x1.7466463252356p-3,
      0x1.39a0f47485716p-3, 0x1.2f0d93ef241d0p-3,
    ]
    let w = z * z
    return fma(fma(fma(d[6], w, fma(d[5], z, d[4])), w, fma(d[3], z, d[2])), w, fma(d[1], z, d[0])) * z
  }

  static func splitForLog(_ x: Double) -> (n: Double, m: Double) {
    let n = (Int64(bitPattern: x.bitPattern) - 0x3fe6_a09e_667f_3bcd) >> 52
    return (Double(n), Double(bitPattern: UInt64(bitPattern: Int64(bitPattern: x.bitPattern) - n << 52)))
  }
}

extension DefinedReal {
  static var u: Self { Self(sign: .plus, exponent: Self.Exponent(raise), significand: 1) }
  static var canonicalNaN: Self { Self.nan }
  var canonical: Self { isNaN ? Self.canonicalNaN : self }

  /// The page's `expm1(r)`.
  static func expm1NearZero(_ r: Self) -> Self { fma(fma(expQuotient(r), r, 0.5), r * r, r) }

  /// The page's n, and 2^n times u where it is raised. `y` is no NaN.
  static func split(_ y: Self, raised: Bool) -> (n: Self, power: Self) {
    let q = raised ? raise : 0
    let rounder = rounder + Self(bias + q)
    let n = fma(y, log2e, rounder) - rounder
    return (n, Self(sign: .plus, exponent: Self.Exponent(Int(n) + q), significand: 1))
  }

  static func sigmoid(_ x: Self) -> Self {
    if x.isNaN { return x }
    let x = max(min(x, sigmoidMost), expLeast)
    let (n, power) = split(x, raised: true)
    let p = expm1NearZero(fma(n, ln2Low, fma(n, ln2High, -x)))
    let w = fma(power, 1 / u, 1)
    let d = w + p
    let dLow = ((w - d) + p) + fma(power, 1 / u, 1 - w)
    let q = 1 / d
    let rest = fma(-q, d, 1) - q * dLow
    let f = q * (1 / u) * power
    return fma(rest, f, f)
  }

  static func tanh(_ x: Self) -> Self {
    if x.isNaN { return x }
    let y = max(-(x + x).magnitude, tanhLeast)
    let (n, s) = split(y, raised: false)
    let p = expm1NearZero(fma(n, -ln2, y))
    let d = fma(s, p, 1 + s)
    let dLow = fma(s, p, (1 - d) + s)
    let inverse = 1 / d
    let q = fma(-s, p, 1 - s) * inverse
    let rest = fma(-q, d, 2 - d) - fma(q, dLow, dLow)
    return Self(signOf: x, magnitudeOf: fma(rest, inverse, q))
  }

  /// The page's p and S for y <= 0.
  static func takeApart(_ y: Self) -> (p: Self, power: Self) {
    let y = max(y, expLeast)
    let (n, power) = split(y, raised: true)
    return (expm1NearZero(fma(n, -ln2Low, fma(n, -ln2High, y))), power)
  }

  static func exp(_ y: Self) -> Self {
    if y.isNaN { return y }
    let (p, power) = takeApart(y)
    return fma(power, p, power) * (1 / u)
  }

  static func expm1(_ y: Self) -> Self {
    if y.isNaN { return y }
    let (p, power) = takeApart(y)
    let s = power * (1 / u)
    return fma(s, p, s - 1)
  }

  static func log(_ x: Self, less n0: Self = 0) -> Self {
    if x.isNaN { return x }
    let (whole, m) = splitForLog(x)
    let n = whole - n0
    let f = m - 1
    let t = f / (f + 2)
    let h = f * f * 0.5
    let tail = fma(t, h + logTail(t * t), n * ln2Low)
    return fma(n, ln2High, f - (h - tail))
  }

  static func log1p(_ e: Self) -> Self {
    if e.isNaN { return e }
    let v = e + 1
    return log(v) - ((v - 1) - e) / v
  }
}
