/// The activations of `Schemas/numbers.md` that are more than a line, one number at a time, written from that page.
protocol DefinedActivationReal {
  static var expMost: Self { get }
  static var siluLeast: Self { get }
  static var geluTanhMost: Self { get }
  static var geluMost: Self { get }
  static var geluCentre: Self { get }
  static var geluTanh: (k0: Self, k0Low: Self, k1: Self, k1Low: Self) { get }
  static var logRaise: Int { get }
  static var geluCoefficients: [Self] { get }
}

extension Float: DefinedActivationReal {
  static var expMost: Float { 89 }
  static var siluLeast: Float { -109 }
  static var geluTanhMost: Float { 11 }
  static var geluMost: Float { 14.5 }
  static var geluCentre: Float { 0x1.38p-3 }
  static var geluTanh: (k0: Float, k0Low: Float, k1: Float, k1Low: Float) {
    (0x1.98848p+0, -0x1.6615e4p-19, 0x1.2444f2p-4, 0x1.49b16ap-29)
  }
  static var logRaise: Int { 24 }
  static var geluCoefficients: [Float] {
    [
      0x1.d158f2p-1, 0x1.9d0112p+2, 0x1.0e1936p+5, 0x1.efdec4p+6, 0x1.0ca0aap+8, 0x1.821df4p+5, -0x1.6ecc2p+10,
      -0x1.092574p+11, 0x1.0b99fap+13, 0x1.f3e7a4p+13, -0x1.91ea2p+15,
    ]
  }
}

extension Double: DefinedActivationReal {
  static var expMost: Double { 710 }
  static var siluLeast: Double { -752 }
  static var geluTanhMost: Double { 21.75 }
  static var geluMost: Double { 38.75 }
  static var geluCentre: Double { 0x1.164p-3 }
  static var geluTanh: (k0: Double, k0Low: Double, k1: Double, k1Low: Double) {
    (0x1.9884533d4368p+0, -0x1.7b9781a61d7fap-47, 0x1.2444f2a4d8b4bp-4, -0x1.6c843a29d1c7p-61)
  }
  static var logRaise: Int { 54 }
  static var geluCoefficients: [Double] {
    [
      0x1.9f51b69a6f0fcp-1, 0x1.5bf1dd5ee689ap+2, 0x1.c114a4b90cd5p+4, 0x1.aa10c40f23454p+6, 0x1.030a494ad5807p+8,
      0x1.66b4fa28f8c3ap+7, -0x1.2264677585c74p+10, -0x1.82f0dbe42f6c5p+11, 0x1.44c233fe60b44p+12,
      0x1.c33f4df3bf19fp+14, -0x1.1df7054e4441dp+15, -0x1.052881e1814f2p+18, 0x1.c1a0fac664f35p+18,
      0x1.2b627d11f9e61p+21, -0x1.bdef84105b7eep+22, -0x1.1dadfcd11a8bap+24, 0x1.ac13426ebc454p+26,
      0x1.3fab589aa9a7cp+25, -0x1.5ee8172675107p+30, 0x1.01e728faab36ep+31, 0x1.ae0bbe82a398dp+33,
      -0x1.5c2d5e57ead52p+35, -0x1.234aa4c13b253p+36, 0x1.6dccaa5908c02p+38,
    ]
  }
}

extension DefinedReal {
  private static func power(_ exponent: Int) -> Self {
    Self(sign: .plus, exponent: Self.Exponent(exponent), significand: 1)
  }

  static func expOfAny(_ x: Self) -> Self {
    if x.isNaN { return x }
    let y = max(min(x, expMost), expLeast)
    let q = y > 0 ? -raise : raise
    let rounder = rounder + Self(bias + q)
    let n = fma(y, log2e, rounder) - rounder
    let s = power(Int(n) + q)
    let p = expm1NearZero(fma(n, -ln2Low, fma(n, -ln2High, y)))
    return fma(s, p, s) * power(-q)
  }

  static func logOfAny(_ x: Self) -> Self {
    if x.isNaN || x < 0 { return .nan }
    if x == 0 { return -.infinity }
    if x == .infinity { return x }
    guard x < .leastNormalMagnitude else { return log(x) }
    return log(x * power(logRaise), less: Self(logRaise))
  }

  static func timesSigmoid(_ x: Self, least: Self, _ argument: Self, low: Self) -> Self {
    if x.isNaN { return x }
    let y = max(min(argument, sigmoidMost), siluLeast)
    let (n, power) = split(y, raised: true)
    let p = expm1NearZero(fma(n, ln2Low, fma(n, ln2High, -y)) - low)
    let w = fma(power, 1 / u, 1)
    let d = w + p
    let dLow = ((w - d) + p) + fma(power, 1 / u, 1 - w)
    let q = 1 / d
    let rest = fma(-q, d, 1) - q * dLow
    let g = fma(rest, q, q) * power
    return x > 0 ? x * (g * (1 / u)) : max(x, least) * g * (1 / u)
  }

  static func silu(_ x: Self) -> Self { timesSigmoid(x, least: siluLeast, x, low: 0) }

  static func geluOfTanh(_ x: Self) -> Self {
    if x.isNaN { return x }
    let k = geluTanh
    let b = max(min(x, geluTanhMost), -geluTanhMost)
    let s = b * b
    let sLow = fma(b, b, -s)
    let c = fma(k.k1, s, k.k0)
    let cLow = fma(k.k1, sLow, fma(k.k1Low, s, fma(k.k1, s, k.k0 - c) + k.k0Low))
    let y = b * c
    return timesSigmoid(x, least: -geluTanhMost, y, low: fma(b, cLow, fma(b, c, -y)))
  }

  static func gelu(_ x: Self) -> Self {
    if x.isNaN { return x }
    let a = min(x.magnitude, geluMost)
    let s = a * a
    let lost = fma(a, a, -s)
    let y = -0.5 * s
    let (n, power) = split(y, raised: true)
    let p = expm1NearZero(fma(lost, -0.5, fma(n, -ln2Low, fma(n, -ln2High, y))))
    let d = a + 4
    let w = 1 / d
    let rest = fma(-w, d, 1) - w * ((4 - d) + a)
    let t = w - geluCentre
    let rest1 = geluCoefficients.dropFirst().reversed()
    let f1 = rest1.dropFirst().reduce(rest1.first ?? 0) { fma($0, t, $1) }
    let f0 = geluCoefficients[0]
    let f = fma(f1, t, f0)
    let fLow = fma(f1, t, f0 - f)
    let m = fma(rest * fma(w, 10.25, 0.625), 1 + p, p)
    let v = a * power * w
    let vLow = fma(a * power, w, -v)
    let whole = v * f
    let wholeLow = fma(v, fLow, fma(vLow, f, fma(v, f, -whole)))
    let tail = (whole + fma(whole, m, wholeLow)) * (1 / u)
    return x < 0 ? -tail : x - tail
  }
}
