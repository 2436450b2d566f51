#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Gains as AIDA-X's files have them.
///
/// Source: AIDA-X, src/aidadsp-plugin.cpp (`DB_CO`).
enum Decibels {
  private static let silence = -90.0

  /// The factor of a gain; −90 dB and less is silence.
  static func factor(_ decibels: Double) -> Double { decibels > silence ? pow(10, decibels / 20) : 0 }

  /// The decibels that give a factor, exactly where some do; no number for a negative one.
  static func of(_ factor: Double) -> Double {
    if factor == 0 { return silence }
    let nearest = 20 * log10(factor)
    var (above, below) = (nearest, nearest)
    for _ in 0..<8 {
      if let exact = [above, below].first(where: { self.factor($0) == factor }) { return exact }
      (above, below) = (above.nextUp, below.nextDown)
    }
    return nearest
  }
}
