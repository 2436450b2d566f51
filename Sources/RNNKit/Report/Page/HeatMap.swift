/// Numbers over two axes as cells of eight shades, of which few enough are drawn: where there are more, each cell is of
/// several, and has the largest shade of theirs.
struct HeatMap {
  let columns: Int
  let rows: Int
  private var levels: [UInt8]
  private let columnGroup: Int
  private let rowGroup: Int

  static let maximumColumns = 140
  static let maximumRows = 48

  /// - Parameters:
  ///   - columns: How many numbers there are from left to right, and `rows` from top to bottom; both at least 1.
  init(columns: Int, rows: Int) {
    columnGroup = (columns + Self.maximumColumns - 1) / Self.maximumColumns
    rowGroup = (rows + Self.maximumRows - 1) / Self.maximumRows
    self.columns = (columns + columnGroup - 1) / columnGroup
    self.rows = (rows + rowGroup - 1) / rowGroup
    levels = [UInt8](repeating: 0, count: self.columns * self.rows)
  }

  /// Whether cells are of several numbers.
  var isCoarse: Bool { columnGroup > 1 || rowGroup > 1 }

  mutating func mark(_ column: Int, _ row: Int, _ level: Int) {
    let place = row / rowGroup * columns + column / columnGroup
    levels[place] = max(levels[place], UInt8(clamping: level))
  }

  private var cellWidth: Double { min(14, max(4, (560 / Double(columns)).rounded(.down))) }
  private var cellHeight: Double { min(14, max(5, (200 / Double(rows)).rounded(.down))) }

  /// - Parameters:
  ///   - ring: The place of a number to be marked.
  func drawing(column: (first: String, last: String), row: (first: String, last: String), ring: (column: Int, row: Int)?) -> Drawing {
    let left = 62.0
    let (width, height) = (Double(columns) * cellWidth, Double(rows) * cellHeight)
    var drawing = Drawing(width: max(left + width + 10, 230), height: max(height, rows > 1 ? 26 : 14) + 26)
    for level in 0..<8 {
      var data = ""
      for y in 0..<rows {
        var x = 0
        while x < columns {
          guard levels[y * columns + x] == UInt8(level) else {
            x += 1
            continue
          }
          var end = x + 1
          while end < columns, levels[y * columns + end] == UInt8(level) { end += 1 }
          let run = Drawing.number(Double(end - x) * cellWidth)
          data += "M\(Drawing.point(left + Double(x) * cellWidth, 4 + Double(y) * cellHeight))h\(run)v\(Drawing.number(cellHeight))h-\(run)z"
          x = end
        }
      }
      drawing.path(data, "heat\(level)")
    }
    drawing.text(row.first, left - 6, 4 + min(cellHeight / 2 + 4, 12), size: 11, "muted", anchor: .end, within: left - 8)
    if rows > 1 { drawing.text(row.last, left - 6, max(4 + height - cellHeight / 2 + 4, 26), size: 11, "muted", anchor: .end, within: left - 8) }
    let baseline = max(height, rows > 1 ? 26 : 14) + 19
    if width < 120 {
      drawing.text(columns > 1 ? "\(column.first) to \(column.last)" : column.first, left, baseline, size: 11, "muted", within: 158)
    } else {
      drawing.text(column.first, left, baseline, size: 11, "muted", within: width / 2 - 4)
      drawing.text(column.last, left + width, baseline, size: 11, "muted", anchor: .end, within: width / 2 - 4)
    }
    if let ring {
      let x = left + (Double(ring.column / columnGroup) + 0.5) * cellWidth, y = 4 + (Double(ring.row / rowGroup) + 0.5) * cellHeight
      drawing.circle(x, y, radius: 6, "mark", title: "first beyond the tolerance")
    }
    return drawing
  }
}
