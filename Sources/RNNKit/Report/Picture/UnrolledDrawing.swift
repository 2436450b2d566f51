import RNNModel

/// A recurrent module over a few steps of time: layers upwards, time to the right, each cell sending its state both ways.
struct UnrolledDrawing {
  private let module: Recurrent
  private(set) var drawing: Drawing

  /// One column for each step that is shown; nil between those that are not.
  private static let columns: [String?] = ["0", "1", "2", nil, "T−1"]
  private static let columnWidth = 104.0
  private static let gapWidth = 44.0
  private static let left = 74.0
  private static let right = 44.0
  private static let cellWidth = 46.0
  private static let cellHeight = 26.0
  private static let rowHeight = 58.0
  private static let header = 30.0

  /// A layer, or nil where some are left out.
  private let layers: [Int?]

  init(_ module: Recurrent) {
    self.module = module
    layers = module.numLayers <= 3 ? Array(0..<module.numLayers) : [0, 1, nil, module.numLayers - 1]
    drawing = Drawing(width: 0, height: 0)
    draw()
  }

  private var ways: [Bool] {
    switch module.direction {
    case .forward: [false]
    case .reverse: [true]
    case .bidirectional: [false, true]
    }
  }

  private var layerHeight: Double { Self.rowHeight * Double(ways.count) + 8 }

  /// Where a column's middle is, and whether steps are left out there.
  private var places: [(x: Double, label: String?)] {
    var x = Self.left
    return Self.columns.map { label in
      let width = label == nil ? Self.gapWidth : Self.columnWidth
      defer { x += width }
      return (x + width / 2, label)
    }
  }

  private mutating func draw() {
    let width = Self.left + Self.right + Self.columns.reduce(0) { $0 + ($1 == nil ? Self.gapWidth : Self.columnWidth) }
    let body = layers.reduce(0) { $0 + ($1 == nil ? 26 : layerHeight) }
    let height = Self.header + 34 + body + 44
    drawing = Drawing(width: width, height: height)
    drawing.rectangle(0.5, 0.5, width - 1, height - 1, "panel", radius: 8)
    let name = module.name.isEmpty ? module.cell.rawValue : module.name
    drawing.text("\(name), unrolled in time", 14, 21, size: 12, isBold: true, within: width - 120)
    drawing.text("time →", width - 14, 21, size: 11, "timehead", anchor: .end)
    let floor = height - 44
    for place in places {
      if let label = place.label {
        drawing.text("x[\(label)]", place.x, height - 14, size: 11, anchor: .middle)
      } else {
        drawing.text("…", place.x, height - 14, size: 11, "muted", anchor: .middle)
      }
    }
    var bottom = floor
    // From where a column's value comes, upwards.
    var from = height - 28
    for (index, layer) in layers.enumerated() {
      guard let layer else {
        drawing.text("… \((module.numLayers - 3).groupedDigits) more layer\(module.numLayers == 4 ? "" : "s")", 14, bottom - 9, size: 11, "muted", within: width - 28)
        for place in places where place.label != nil { drawing.path("M\(Drawing.point(place.x, from))L\(Drawing.point(place.x, bottom - 26))", "wire assumed") }
        bottom -= 26
        from = bottom
        continue
      }
      draw(layer: layer, bottom: bottom, from: from)
      bottom -= layerHeight
      from = bottom
      if index == layers.count - 1 {
        for place in places where place.label != nil {
          drawing.line(place.x, from, place.x, from - 9, "wire")
          drawing.arrowhead(place.x, from - 14, towards: (0, -1), "head")
        }
      }
    }
    for place in places {
      if let label = place.label {
        drawing.text("output[\(label)]", place.x, Self.header + 15, size: 11, anchor: .middle)
      } else {
        drawing.text("…", place.x, Self.header + 15, size: 11, "muted", anchor: .middle)
      }
    }
  }

  private mutating func draw(layer: Int, bottom: Double, from: Double) {
    let state = module.cell == .lstm ? "h, c" : "h"
    let top = bottom - layerHeight
    for (row, isReverse) in ways.enumerated() {
      // Of two directions the reverse one stands to the right and above, so that each column's value reaches both.
      let shift = ways.count == 1 ? 0 : row == 0 ? -22.0 : 22.0
      let y = bottom - Self.rowHeight * (Double(row) + 0.5) - 4
      let cells = places.map { (x: $0.x + shift, isShown: $0.label != nil) }
      let (start, end) = (cells.first?.x ?? 0, cells.last?.x ?? 0)
      // In time.
      for (a, b) in zip(cells, cells.dropFirst()) {
        let edgeA = a.isShown ? a.x + Self.cellWidth / 2 : a.x + 9, edgeB = b.isShown ? b.x - Self.cellWidth / 2 : b.x - 9
        timeArrow(isReverse ? edgeB : edgeA, isReverse ? edgeA : edgeB, y)
      }
      for cell in cells where !cell.isShown { drawing.text("…", cell.x, y + 4, size: 12, "timehead", anchor: .middle) }
      // From the starting state, and to the last one.
      let lead = start - Self.cellWidth / 2, tail = end + Self.cellWidth / 2
      let outer = ways.count == 1 ? 24.0 : 36
      timeArrow(isReverse ? lead : lead - 24, isReverse ? lead - outer : lead, y)
      timeArrow(isReverse ? tail + 24 : tail, isReverse ? tail : tail + outer, y)
      // Between the wires that cross.
      let middle = ways.count == 1 ? (cells[0].x + cells[1].x) / 2 : places[0].x + (isReverse ? 63.5 : 40.5)
      drawing.text(state, middle, y - 5, size: 10, "timehead", anchor: .middle)
      drawing.text("layer \(layer)", 14, y - (ways.count == 1 && !isReverse ? -4 : 2), size: 11, "muted", within: Self.left - 20)
      if ways.count == 2 || isReverse { drawing.text(isReverse ? "reverse" : "forward", 14, y + 11, size: 10, "muted", within: Self.left - 20) }
      for (cell, place) in zip(cells, places) where cell.isShown {
        // Up.
        let (low, high) = (y + Self.cellHeight / 2, y - Self.cellHeight / 2)
        if ways.count == 1 {
          drawing.line(cell.x, from, cell.x, low + 5, "wire")
          drawing.line(cell.x, high, cell.x, top, "wire")
        } else {
          drawing.path("M\(Drawing.point(place.x, from))C\(Drawing.point(place.x, bottom - 4)) \(Drawing.point(cell.x, bottom)) \(Drawing.point(cell.x, bottom - 14))L\(Drawing.point(cell.x, low + 5))", "wire")
          drawing.path("M\(Drawing.point(cell.x, high))L\(Drawing.point(cell.x, top + 12))C\(Drawing.point(cell.x, top + 4)) \(Drawing.point(place.x, top + 8)) \(Drawing.point(place.x, top))", "wire")
        }
        drawing.arrowhead(cell.x, low, towards: (0, -1), "head")
        drawing.rectangle(cell.x - Self.cellWidth / 2, high, Self.cellWidth, Self.cellHeight, "recurrent", radius: 5)
        drawing.text(module.cell.rawValue, cell.x, y + 4, size: 11, anchor: .middle)
      }
    }
  }

  private mutating func timeArrow(_ from: Double, _ to: Double, _ y: Double) {
    let way = to > from ? 1.0 : -1
    drawing.line(from, y, to - 5 * way, y, "time")
    drawing.arrowhead(to, y, towards: (way, 0), "timehead")
  }
}
