/// A picture as elements of SVG in the order in which they are drawn, in pixels from the upper left.
///
/// Colours are those of `Palette`'s classes. The same calls give the same text.
struct Drawing {
  var width: Double
  var height: Double
  private var body = ""

  enum Anchor: String {
    case start, middle, end
  }

  init(width: Double, height: Double) {
    (self.width, self.height) = (width, height)
  }

  /// A number to a tenth; 0 where it is not finite.
  static func number(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 1e12 else { return "0" }
    let tenths = Int((value * 10).rounded())
    let (whole, rest) = (abs(tenths) / 10, abs(tenths) % 10)
    return (tenths < 0 ? "-" : "") + "\(whole)" + (rest == 0 ? "" : ".\(rest)")
  }

  /// A point of a path's data.
  static func point(_ x: Double, _ y: Double) -> String { number(x) + " " + number(y) }

  private static func style(_ name: String) -> String { name.isEmpty ? "" : " class=\"\(name)\"" }

  /// - Parameter title: What a reader is told who points at it.
  mutating func rectangle(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ style: String, radius: Double = 0, title: String? = nil
  ) {
    let corner = radius > 0 ? " rx=\"\(Self.number(radius))\"" : ""
    body += "<rect x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" width=\"\(Self.number(width))\" height=\"\(Self.number(height))\"\(corner)\(Self.style(style))"
    body += title.map { "><title>\($0.markup)</title></rect>\n" } ?? "/>\n"
  }

  mutating func circle(_ x: Double, _ y: Double, radius: Double, _ style: String, title: String? = nil) {
    body += "<circle cx=\"\(Self.number(x))\" cy=\"\(Self.number(y))\" r=\"\(Self.number(radius))\"\(Self.style(style))"
    body += title.map { "><title>\($0.markup)</title></circle>\n" } ?? "/>\n"
  }

  /// - Parameter data: A path's data, of numbers alone.
  mutating func path(_ data: String, _ style: String, title: String? = nil) {
    guard !data.isEmpty else { return }
    body += "<path d=\"\(data)\"\(Self.style(style))"
    body += title.map { "><title>\($0.markup)</title></path>\n" } ?? "/>\n"
  }

  mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String) {
    path("M\(Self.point(x1, y1))L\(Self.point(x2, y2))", style)
  }

  /// The head of an arrow whose tip is at a point.
  mutating func arrowhead(_ x: Double, _ y: Double, towards direction: (x: Double, y: Double), _ style: String) {
    let (dx, dy) = (direction.x * 7, direction.y * 7)
    let (nx, ny) = (-dy * 0.5, dx * 0.5)
    path(
      "M\(Self.point(x, y))L\(Self.point(x - dx + nx, y - dy + ny))L\(Self.point(x - dx - nx, y - dy - ny))Z", style)
  }

  /// A line of text, cut to `width` where one is given; the whole is its title then.
  mutating func text(
    _ text: String, _ x: Double, _ y: Double, size: Double, _ style: String = "ink", isBold: Bool = false,
    anchor: Anchor = .start, within width: Double? = nil, title: String? = nil
  ) {
    let whole = text.drawable
    let shown = width.map { TextWidth.fitted(whole, size: size, isBold: isBold, within: $0) } ?? whole
    let title = title ?? (shown == whole ? nil : whole)
    let weight = isBold ? " font-weight=\"600\"" : ""
    let alignment = anchor == .start ? "" : " text-anchor=\"\(anchor.rawValue)\""
    body += "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" font-size=\"\(Self.number(size))\"\(weight)\(alignment)\(Self.style(style))>"
    body += (title.map { "<title>\(String($0.unicodeScalars.prefix(1000)).markup)</title>" } ?? "") + shown.markup + "</text>\n"
  }

  /// Another drawing at a place of this one.
  mutating func place(_ other: Drawing, _ x: Double, _ y: Double) {
    body += "<g transform=\"translate(\(Self.number(x)),\(Self.number(y)))\">\n" + other.body + "</g>\n"
  }

  /// The same with room around it.
  func inset(by margin: Double) -> Drawing {
    var result = Drawing(width: width + 2 * margin, height: height + 2 * margin)
    result.place(self, margin, margin)
    return result
  }

  private func element(_ attributes: String, _ content: String) -> String {
    let size = "width=\"\(Self.number(width.rounded(.up)))\" height=\"\(Self.number(height.rounded(.up)))\""
    let box = "viewBox=\"0 0 \(Self.number(width.rounded(.up))) \(Self.number(height.rounded(.up)))\""
    return "<svg \(attributes)\(size) \(box) font-family=\"\(Palette.fonts)\">\n" + content + body + "</svg>"
  }

  /// As a part of a page that has the palette's style.
  func embedded(_ title: String) -> String {
    element("role=\"img\" aria-label=\"\(title.markup)\" ", "")
  }

  /// As a file of its own.
  func document(_ title: String) -> String {
    let head = "<title>\(title.markup)</title>\n<style>\n\(Palette.style)</style>\n<rect width=\"100%\" height=\"100%\" class=\"ground\"/>\n"
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + element("xmlns=\"http://www.w3.org/2000/svg\" ", head) + "\n"
  }
}

/// The colours of all pictures, by class, on a light and on a dark ground.
enum Palette {
  static let fonts = "Helvetica, Arial, 'Liberation Sans', sans-serif"

  private enum Part {
    case fill, stroke, both
  }

  /// A class, what it colours, its colour on light and on dark ground, and for both the stroke's colours after the fill's.
  private static let classes: [(name: String, part: Part, light: [String], dark: [String], more: String)] = [
    ("ground", .fill, ["#ffffff"], ["#0d1117"], ""),
    ("ink", .fill, ["#1f2328"], ["#e6edf3"], ""),
    ("muted", .fill, ["#59636e"], ["#9198a1"], ""),
    ("warning", .fill, ["#b35900"], ["#f0b072"], ""),
    ("bad", .fill, ["#c41e3a"], ["#ff7b86"], ""),
    ("wire", .stroke, ["#6e7781"], ["#8b949e"], ""),
    ("head", .fill, ["#6e7781"], ["#8b949e"], ""),
    ("time", .stroke, ["#0a5fb4"], ["#6cb6ff"], ""),
    ("timehead", .fill, ["#0a5fb4"], ["#6cb6ff"], ""),
    ("grid", .stroke, ["#e4e8ec"], ["#262c36"], ""),
    ("axis", .stroke, ["#afb8c1"], ["#484f58"], ""),
    ("plain", .both, ["#f6f8fa", "#afb8c1"], ["#161b22", "#484f58"], ""),
    ("port", .both, ["#eef1f4", "#8c959f"], ["#21262d", "#6e7681"], ""),
    ("recurrent", .both, ["#ddeefc", "#4a90c8"], ["#12304b", "#3b7db8"], ""),
    ("weights", .both, ["#e4f3e6", "#5fa36a"], ["#143021", "#3d8050"], ""),
    ("unknown", .both, ["#fdeaea", "#d06060"], ["#3b1719", "#b04a4f"], ""),
    ("panel", .both, ["#fbfcfd", "#dfe3e8"], ["#10151c", "#2d333b"], ""),
    ("first", .stroke, ["#0a5fb4"], ["#6cb6ff"], ""),
    ("second", .stroke, ["#c2570c"], ["#f2a065"], ""),
    ("third", .stroke, ["#2f7d3b"], ["#6fc27c"], ""),
    ("fourth", .stroke, ["#8250df"], ["#c297ff"], ""),
    ("bars", .fill, ["#4a90c8"], ["#4f9bd6"], ""),
    ("reference", .stroke, ["#f0b98a"], ["#7a4a22"], ""),
    ("mark", .stroke, ["#c41e3a"], ["#ff7b86"], ""),
  ] + heat.enumerated().map { index, colours in
    ("heat\(index)", .fill, [colours.light], [colours.dark], "")
  }

  /// From nothing to much.
  static let heat: [(light: String, dark: String)] = [
    ("#f3f6f9", "#161b22"), ("#d5e6f3", "#152b3f"), ("#aed2ea", "#1b4566"), ("#7db8dc", "#25638f"),
    ("#f5d76e", "#8a7420"), ("#f0a04b", "#b06a22"), ("#e0603f", "#cf5a3c"), ("#a8123a", "#ff5c74"),
  ]

  private static func rule(_ name: String, _ part: Part, _ colours: [String], _ more: String) -> String {
    let stroke = colours.last ?? ""
    return switch part {
    case .fill: ".\(name){fill:\(colours[0])\(more)}\n"
    case .stroke: ".\(name){stroke:\(stroke);fill:none\(more)}\n"
    case .both: ".\(name){fill:\(colours[0]);stroke:\(stroke)\(more)}\n"
    }
  }

  /// The rules of a style element: plain ones, since not every reader of SVG knows variables.
  static let style: String = {
    var result = classes.map { rule($0.name, $0.part, $0.light, $0.more) }.joined()
    result += ".wire,.time{stroke-width:1.4}\n.first,.second,.third,.fourth,.mark{stroke-width:1.5;stroke-linejoin:round}\n.reference{stroke-width:5;stroke-linejoin:round}\n"
    result += ".dots{stroke-width:3.4;stroke-linecap:round}\n.assumed{stroke-dasharray:5 3.5}\n"
    result += "@media (prefers-color-scheme: dark){\n" + classes.map { rule($0.name, $0.part, $0.dark, $0.more) }.joined() + "}\n"
    return result
  }()
}
