import CRNNKernels
import RNNModel

/// The type a plan computes in, which is also that of its weights, states and outputs.
public enum Precision: String, Sendable, Hashable, CaseIterable {
  /// IEEE 754's binary32 and binary64.
  case float32, float64

  /// The type of tensors in this precision.
  public var elementType: ElementType { self == .float32 ? .float32 : .float64 }

  /// Bytes of one real.
  var size: Int { self == .float32 ? 4 : 8 }
  /// Reals in a vector of the kernels.
  var lanes: Int { self == .float32 ? Int(RNNKIT_FLOAT32_LANES) : Int(RNNKIT_FLOAT64_LANES) }

  /// The least number of whole vectors that holds `count` reals, in reals.
  func wholeVectors(_ count: Int) -> Int { (count + lanes - 1) / lanes * lanes }

  /// A stride for rows of `count` reals: whole vectors, and for long rows an odd number of them, so that rows do not
  /// all fall into the same few sets of a cache.
  func stride(_ count: Int) -> Int {
    let vectors = (count + lanes - 1) / lanes
    return (vectors >= 8 && vectors % 2 == 0 ? vectors + 1 : vectors) * lanes
  }
}

/// Float or Double, as the plan's precision says.
protocol Real: BinaryFloatingPoint & Sendable {
  static var precision: Precision { get }
}

extension Float: Real {
  static var precision: Precision { .float32 }
}

extension Double: Real {
  static var precision: Precision { .float64 }
}
