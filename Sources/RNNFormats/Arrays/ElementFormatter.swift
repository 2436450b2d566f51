#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Chooses one notation and width for all printed elements, as `_Formatter` in torch/_tensor_str.py does.
struct ElementFormatter {
  enum Value {
    case float(Double)
    /// An integer or boolean.
    case text(String)
  }

  private(set) var width = 1
  /// Every number is an integer, printed with a point and no digits after it.
  private var isWhole = true
  private var isScientific = false

  init(_ values: [Value]) {
    var floats: [Double] = []
    for value in values {
      switch value {
      case .text(let text): width = max(width, text.utf8.count)
      case .float(let value): if value.isFinite, value != 0 { floats.append(value) }
      }
    }
    guard let smallest = floats.lazy.map(\.magnitude).min(), let largest = floats.lazy.map(\.magnitude).max() else {
      return
    }
    isWhole = floats.allSatisfy { $0 == $0.rounded(.up) }
    isScientific = largest / smallest > 1000 || largest > 1e8 || smallest < 1e-4
    for value in floats { width = max(width, digits(value).utf8.count) }
  }

  func text(_ value: Value) -> String {
    let text = switch value {
    case .float(let value): digits(value)
    case .text(let text): text
    }
    return String(repeating: " ", count: max(0, width - text.utf8.count)) + text
  }

  private func digits(_ value: Double) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    if isScientific { return Self.format("%.*e", TensorPrinter.precision, value) }
    return isWhole ? Self.format("%.*f", 0, value) + "." : Self.format("%.*f", TensorPrinter.precision, value)
  }

  /// Formats with C's printf, which rounds the exact value to nearest even, as Python does.
  private static func format(_ format: String, _ precision: Int, _ value: Double) -> String {
    // The longest is 309 digits, a sign and a fraction.
    var buffer = [CChar](repeating: 0, count: 400)
    let count = withVaList([Int32(precision), value]) { vsnprintf(&buffer, buffer.count, format, $0) }
    return String(decoding: buffer.prefix(max(0, Int(count))).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
