import RNNModel

extension Double {
  /// At most three significant digits: `0.00123`, `45`, `3.35e+07`, `4.47e-08`, `NaN`, `-inf`.
  package var short: String {
    if self == 0 { return "0" }
    guard isFinite else { return isNaN ? "NaN" : self < 0 ? "-inf" : "inf" }
    // A power of two tells the power of ten but for one.
    var power = Int((Double(magnitude.exponent) * 0.301_029_995_663_981_2).rounded(.down))
    // Out of the range of powers of ten, digits are of no use.
    guard (-300...300).contains(power) else { return "\(self)" }
    func scaled(_ power: Int) -> Double { power <= 2 ? magnitude * Self.ten(2 - power) : magnitude / Self.ten(power - 2) }
    if scaled(power).rounded() >= 1000 { power += 1 }
    if scaled(power).rounded() < 100 { power -= 1 }
    var digits = String(Int(scaled(power).rounded()))
    if digits.count > 3 { (digits, power) = ("100", power + 1) }
    let sign = self < 0 ? "-" : ""
    func trimmed(_ text: String) -> String {
      guard text.contains(".") else { return text }
      var text = text
      while text.last == "0" { text.removeLast() }
      if text.last == "." { text.removeLast() }
      return text
    }
    switch power {
    case 0..<3:
      let head = digits.prefix(power + 1), rest = digits.dropFirst(power + 1)
      return sign + trimmed(rest.isEmpty ? String(head) : "\(head).\(rest)")
    case 3...5: return sign + digits + String(repeating: "0", count: power - 2)
    case -4 ..< 0: return sign + trimmed("0." + String(repeating: "0", count: -power - 1) + digits)
    default:
      let exponent = String(abs(power))
      return sign + trimmed("\(digits.prefix(1)).\(digits.dropFirst())") + "e\(power < 0 ? "-" : "+")\(exponent.count < 2 ? "0" : "")\(exponent)"
    }
  }

  private static func ten(_ power: Int) -> Double { Double("1e\(power)") ?? 1 }
}
