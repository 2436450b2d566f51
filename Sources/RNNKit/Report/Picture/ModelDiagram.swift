import RNNModel

extension ModelFile {
  /// What the model computes as a picture in SVG, a file of its own: its steps as boxes with sizes and shapes, arrows up from
  /// the inputs, and beside them each recurrent module unrolled over a few steps of time. What the file does not say and was
  /// assumed is dashed. The same model gives the same bytes.
  ///
  /// Names are cut to their boxes' width, with the whole as a title. Of more than 160 steps, or 4 recurrent modules, the rest
  /// is counted.
  public func svg() -> String {
    diagram().document("\(path.readableFileName.lastPathComponent): \(model.architecture.line ?? "a model")".cut(to: 1000))
  }

  /// The steps as a graph in DOT, Graphviz's language.
  public func dot() -> String { ForwardGraph(self).dot(name: path.readableFileName.lastPathComponent) }

  /// The picture, with what there is to say of it.
  func diagram() -> Drawing {
    let margin = 24.0
    let graph = ForwardGraph(self)
    let steps = graph.drawing()
    let modules = model.architecture.usedModules.compactMap { if case .recurrent(let module) = $0 { module } else { nil } }
    let panels = modules.prefix(4).map { UnrolledDrawing($0).drawing }
    let rest = modules.count - panels.count
    let panelWidth = panels.map(\.width).max() ?? 0
    let panelHeight = panels.reduce(0) { $0 + $1.height + 20 } + (rest > 0 ? 20 : 0)
    let width = steps.width + (panels.isEmpty ? 0 : panelWidth + 36)
    var lines: [String] = []
    if !graph.isKnown { lines.append("What is computed with these modules is not known: say it with a forward line.") }
    if graph.isAssumed || graph.boxes.contains(where: \.isAssumed) { lines.append("Dashed: assumed, the file does not say.") }
    let height = max(steps.height, panelHeight)
    let full = max(width, 320)
    var drawing = Drawing(width: full + 2 * margin, height: height + 2 * margin + (lines.isEmpty ? 0 : 8 + Double(lines.count) * 18))
    drawing.place(steps, margin + (panels.isEmpty ? (full - width) / 2 : 0), margin + max(0, (height - steps.height) / 2))
    var y = margin + max(0, (height - panelHeight) / 2)
    for panel in panels {
      drawing.place(panel, margin + steps.width + 36, y)
      y += panel.height + 20
    }
    if rest > 0 {
      drawing.text("… and \(rest.groupedDigits) more recurrent module\(rest == 1 ? "" : "s")", margin + steps.width + 36, y + 10, size: 12, "muted", within: panelWidth)
    }
    for (index, line) in lines.enumerated() {
      drawing.text(line, margin, margin + height + 26 + Double(index) * 18, size: 12, "muted", within: full)
    }
    return drawing
  }
}

extension String {
  /// The first scalars of a long text.
  func cut(to count: Int) -> String {
    unicodeScalars.count <= count ? self : String(String.UnicodeScalarView(unicodeScalars.prefix(count))) + "…"
  }
}

extension ForwardGraph {
  private static let titleSize = 13.0
  private static let textSize = 11.0
  private static let lineHeight = 15.0
  private static let padding = 14.0
  private static let widest = 280.0
  /// Room beside a recurrent box for the way of its state in time, on each side that has one.
  private static let loop = 62.0

  /// Lines under a box's title.
  private static func lines(_ box: Box) -> [String] { box.details + (box.shape.isEmpty ? [] : ["→ " + box.shape]) }

  /// The box itself, without what stands beside it.
  private static func size(of box: Box) -> LayeredLayout.Size {
    let title = TextWidth.of(box.title.drawable, size: titleSize, isBold: true)
    let lines = lines(box)
    let text = lines.map { TextWidth.of($0.drawable, size: textSize) }.max() ?? 0
    let least = box.kind == .recurrent ? 130.0 : 64
    return LayeredLayout.Size(
      width: min(max(title, text, least - 2 * padding), widest) + 2 * padding, height: 22 + Double(lines.count) * lineHeight + (lines.isEmpty ? 6 : 8))
  }

  /// Both sides alike, so that a box stands over its own middle.
  private static func side(_ box: Box) -> Double { box.direction == nil ? 0 : loop }

  /// - Parameter marks: Boxes with a line around them.
  func drawing(marking marks: Set<Int> = []) -> Drawing {
    let sizes = boxes.map(Self.size)
    let outer = zip(boxes, sizes).map { LayeredLayout.Size(width: $1.width + 2 * Self.side($0), height: $1.height) }
    let layout = LayeredLayout(outer, edges, isLate: boxes.map { $0.kind == .constant }, rows: boxes.count <= 8 ? 1 : 4)
    var drawing = Drawing(width: layout.width, height: layout.height)
    for (edge, route) in zip(edges, layout.routes) { arrow(route, edge, &drawing) }
    for (index, box) in boxes.enumerated() {
      let (size, center) = (sizes[index], layout.centers[index])
      if marks.contains(index) {
        drawing.rectangle(center.x - size.width / 2 - 4, center.y - size.height / 2 - 4, size.width + 8, size.height + 8, "mark", radius: 9)
      }
      draw(box, size, center, &drawing)
    }
    return marks.isEmpty ? drawing : drawing.inset(by: 6)
  }

  private func arrow(_ route: [LayeredLayout.Point], _ edge: LayeredLayout.Edge, _ drawing: inout Drawing) {
    guard let first = route.first, let last = route.last else { return }
    var data = "M\(Drawing.point(first.x, first.y))"
    var before = first
    for point in route.dropFirst() {
      // The line ends within the arrow's head.
      let y = point.y + (point.y == last.y ? 5 : 0)
      if abs(point.x - before.x) < 0.05 {
        data += "L\(Drawing.point(point.x, y))"
      } else {
        let middle = (before.y + point.y) / 2
        data += "C\(Drawing.point(before.x, middle)) \(Drawing.point(point.x, middle)) \(Drawing.point(point.x, y))"
      }
      before = point
    }
    drawing.path(data, isAssumed ? "wire assumed" : "wire")
    drawing.arrowhead(last.x, last.y, towards: (0, -1), "head")
  }

  private func draw(_ box: Box, _ size: LayeredLayout.Size, _ center: LayeredLayout.Point, _ drawing: inout Drawing) {
    let (x, y) = (center.x - size.width / 2, center.y - size.height / 2)
    if let direction = box.direction {
      if direction != .reverse { Self.loop(x + size.width, center.y, 1, box.hasCell, &drawing) }
      if direction != .forward { Self.loop(x, center.y, -1, box.hasCell, &drawing) }
    }
    let style =
      switch box.kind {
      case .input, .output: "port"
      case .recurrent: "recurrent"
      case .weights: "weights"
      case .unknown: "unknown"
      case .function, .constant: "plain"
      }
    let radius = box.kind == .input || box.kind == .output ? min(size.height / 2, 16) : box.kind == .constant ? 0 : 6
    drawing.rectangle(x, y, size.width, size.height, box.isAssumed ? style + " assumed" : style, radius: radius)
    let lines = Self.lines(box)
    let inner = size.width - 2 * Self.padding
    var baseline = y + (lines.isEmpty ? size.height / 2 + 4.5 : 20)
    drawing.text(box.title, center.x, baseline, size: Self.titleSize, isBold: true, anchor: .middle, within: inner)
    for (index, line) in lines.enumerated() {
      baseline += index == 0 ? 16 : Self.lineHeight
      drawing.text(line, center.x, baseline, size: Self.textSize, "muted", anchor: .middle, within: inner)
    }
  }

  /// The way of a state from one step of time to the next, beside a box.
  ///
  /// - Parameter side: 1 for the right side, which time runs to, −1 for the left one.
  private static func loop(_ x: Double, _ y: Double, _ side: Double, _ hasCell: Bool, _ drawing: inout Drawing) {
    let (reach, half) = (30.0 * side, 11.0)
    drawing.path(
      "M\(Drawing.point(x, y - half))C\(Drawing.point(x + reach, y - half - 6)) \(Drawing.point(x + reach, y + half + 6)) \(Drawing.point(x + 5 * side, y + half))", "time")
    drawing.arrowhead(x + 1 * side, y + half, towards: (-side, 0), "timehead")
    drawing.text(hasCell ? "h, c" : "h", x + 27 * side, y + 4, size: 11, "timehead", anchor: side > 0 ? .start : .end)
  }

  /// In Graphviz's language, each box a node.
  func dot(name: String) -> String {
    func quoted(_ text: String) -> String {
      "\"" + text.cut(to: 200).drawable.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: " ") + "\""
    }
    var result = "digraph \(quoted(name)) {\n  rankdir=BT;\n  node [fontname=\"Helvetica\", fontsize=11, style=filled, fillcolor=white];\n"
    for (index, box) in boxes.enumerated() {
      let label = ([box.title] + Self.lines(box)).map { String(quoted($0).dropFirst().dropLast()) }.joined(separator: "\\n")
      let (shape, colour) =
        switch box.kind {
        case .input, .output: ("oval", "#eef1f4")
        case .recurrent: ("box", "#ddeefc")
        case .weights: ("box", "#e4f3e6")
        case .unknown: ("box", "#fdeaea")
        case .function: ("box", "#f6f8fa")
        case .constant: ("note", "#f6f8fa")
        }
      let style = box.isAssumed ? ", style=\"filled,dashed\"" : ""
      result += "  n\(index) [label=\"\(label)\", shape=\(shape), fillcolor=\"\(colour)\"\(style)];\n"
      if let direction = box.direction {
        let ways = direction == .bidirectional ? "forward and reverse" : direction == .reverse ? "back in time" : "on in time"
        result += "  n\(index) -> n\(index) [label=\"\(box.hasCell ? "h, c" : "h") \(ways)\", color=\"#0a5fb4\", fontsize=9];\n"
      }
    }
    for edge in edges { result += "  n\(edge.source) -> n\(edge.target)\(isAssumed ? " [style=dashed]" : "");\n" }
    return result + "}\n"
  }
}
