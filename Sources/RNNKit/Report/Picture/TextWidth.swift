/// How much room text takes, so that boxes can be made for it before anything is drawn.
///
/// ASCII has the advances of Helvetica, which Arial and Liberation Sans share. A reader may have another font, so every width
/// is taken `margin` times as wide; scalars beyond ASCII count as wide as the widest of their kind.
package enum TextWidth {
  /// DejaVu Sans, the widest of the fonts that stand in for Helvetica, is up to an eighth wider.
  private static let margin = 1.14
  private static let boldFactor = 1.07

  /// Thousandths of the font's size, from space to tilde.
  private static let ascii: [Double] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
  ]

  /// The width of a line in a font of `size`, in the same unit.
  package static func of(_ text: String, size: Double, isBold: Bool = false) -> Double {
    let sum = text.unicodeScalars.reduce(0) { $0 + width($1) }
    return sum / 1000 * size * margin * (isBold ? boldFactor : 1)
  }

  private static func width(_ scalar: Unicode.Scalar) -> Double {
    switch scalar.value {
    case 0x20...0x7E: ascii[Int(scalar.value) - 0x20]
    case 0xD7, 0xF7: 584  // × ÷
    case 0x2026, 0x2190...0x21FF: 1000  // … and arrows
    case 0xA0...0x24F: 700
    case 0x250...0x10FF: 900
    case 0x2000...0x2BFF: 700
    // Wide characters, emoji and what has no glyph, drawn as a box of digits.
    default: 1300
    }
  }

  /// The text, with its middle left out where it is wider than `width`.
  package static func fitted(_ text: String, size: Double, isBold: Bool = false, within limit: Double) -> String {
    // Room that was made for a text takes it, however its sums were rounded.
    let width = limit + 0.01
    // No width of a scalar is less than 190 thousandths: longer text need not be measured.
    let most = Int(width / size * 6) + 4
    let scalars = Array(text.unicodeScalars.prefix(most + 1))
    if scalars.count <= most, of(text, size: size, isBold: isBold) <= width { return text }
    let all = scalars.count <= most ? scalars : Array(text.unicodeScalars)
    func shortened(_ kept: Int) -> String {
      var result = String.UnicodeScalarView(all.prefix((kept + 1) / 2))
      result.append("…")
      result.append(contentsOf: all.suffix(kept / 2))
      return String(result)
    }
    var (low, high) = (0, min(all.count, most))
    while low < high {
      let middle = (low + high + 1) / 2
      if of(shortened(middle), size: size, isBold: isBold) <= width { low = middle } else { high = middle - 1 }
    }
    return shortened(low)
  }
}

extension String {
  /// The text for a picture or page: control characters as escapes, at most one mark on a character, since more would reach
  /// into the lines around it, and without what XML excludes. Not escaped for XML yet.
  var drawable: String {
    var result = String.UnicodeScalarView()
    var marks = 0
    for scalar in escapingControlCharacters().unicodeScalars {
      switch scalar.properties.generalCategory {
      case .nonspacingMark, .enclosingMark: marks += 1
      default: marks = 0
      }
      if marks > 1 { continue }
      result.append(scalar.value & 0xFFFE == 0xFFFE ? "\u{FFFD}" : scalar)
    }
    return String(result)
  }

  /// The text as part of XML or HTML, in an element or between the quotes of an attribute.
  var markup: String {
    var result = ""
    result.reserveCapacity(utf8.count)
    for scalar in drawable.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
