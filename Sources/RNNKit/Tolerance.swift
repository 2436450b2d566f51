import RNNModel

/// How far a number may be from its reference: `absolute + relative·|reference|`.
public struct Tolerance: Sendable, Hashable {
  /// The largest difference that is allowed whatever the reference.
  public var absolute: Double
  /// The largest difference that is allowed, as a share of the reference.
  public var relative: Double

  /// A number is within tolerance if its error is at most absolute + relative · |reference|.
  public init(absolute: Double, relative: Double) {
    self.absolute = absolute
    self.relative = relative
  }

  /// 1e-6 and 1e-5 for a reference computed in float32, 1e-12 and 1e-12 for one in float64. A reference stored in half
  /// precision may be off by half its last place as well.
  init(of reference: ElementType, isFloat64: Bool) {
    let wide = isFloat64 && reference == .float64
    self.init(absolute: wide ? 1e-12 : 1e-6, relative: wide ? 1e-12 : 1e-5)
    guard reference == .float16 || reference == .bfloat16 else { return }
    absolute += reference.leastMagnitude / 2
    relative += reference.unit
  }

  /// Wider by what is kept in the case for a member; see `ReferenceCase.keptTolerance`.
  func widened(by absolute: Double?) -> Tolerance {
    Tolerance(absolute: max(self.absolute, absolute ?? 0), relative: relative)
  }

  /// What is allowed beside a reference; none beside one that is not finite.
  func allowed(_ reference: Double) -> Double { reference.isFinite ? absolute + relative * abs(reference) : 0 }

  /// Whether a number is the reference's, within tolerance. Infinities of one sign agree; NaN agrees with nothing.
  func agree(_ found: Double, _ reference: Double) -> Bool {
    found == reference || abs(found - reference) <= allowed(reference)
  }
}

extension ElementType {
  /// The largest relative error of rounding to a float type: half a unit in the last place.
  var unit: Double {
    switch self {
    case .float64: 0x1p-53
    case .float16: 0x1p-11
    case .bfloat16: 0x1p-8
    default: 0x1p-24
    }
  }

  /// The largest finite number of a float type.
  var largestMagnitude: Double {
    switch self {
    case .float64: .greatestFiniteMagnitude
    case .float16: 65504
    default: Double(Float.greatestFiniteMagnitude)
    }
  }

  /// The distance between the smallest numbers of a float type.
  var leastMagnitude: Double {
    switch self {
    case .float64: .leastNonzeroMagnitude
    case .float16: 0x1p-24
    case .bfloat16: 0x1p-133
    default: Double(Float.leastNonzeroMagnitude)
    }
  }
}
