import RNNModel

/// Parses a table line by line into scratch storage, so that neither the text nor its numbers stay in memory.
struct CSVReader: ~Copyable {
  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
  /// Bytes of parsed text after which its pages are dropped from memory.
  private static let forgottenSize = 8 << 20

  private var numbers: NumberRoom
  private var columns: Int?
  private var line = 0
  private var hasHeader = false

  /// Parses all of `storage` as one table.
  static func tensor(_ storage: TensorStorage) throws(RNNError) -> Tensor {
    var (count, columns, isWhole) = (0, 0, false)
    let values = try ScratchSpace.shared.storage(mostNumbers(storage) * NumberRoom.size) { (room) throws(RNNError) in
      var reader = CSVReader(numbers: NumberRoom(room.bytes))
      try reader.read(storage, &room)
      (count, columns, isWhole) = (reader.numbers.count, reader.columns ?? 0, reader.numbers.isWhole)
    }
    guard columns > 0, let shape = Shape([count / columns, columns]) else {
      throw RNNError(.badData, "no row of numbers", remedy: "give a row of numbers for each step")
    }
    guard let tensor = Tensor(isWhole ? .int64 : .float64, shape, in: values) else {
      throw RNNError(.defect, "a table does not fit its shape")
    }
    return tensor
  }

  private init(numbers: consuming NumberRoom) { self.numbers = numbers }

  /// An upper bound on the count of numbers: commas and line ends, plus one.
  private static func mostNumbers(_ storage: TensorStorage) throws(RNNError) -> Int {
    var count = 1
    try storage.forEachPiece(of: 0..<storage.count) { (piece) throws(RNNError) in
      for byte in piece { count &+= byte == 0x2C || byte == 0x0A || byte == 0x0D ? 1 : 0 }
    }
    return count
  }

  private mutating func read(_ storage: TensorStorage, _ room: inout ScratchRoom) throws(RNNError) {
    try storage.withUnsafeBytes { (bytes) throws(RNNError) in
      var start = bytes.starts(with: Self.byteOrderMark) ? Self.byteOrderMark.count : 0
      var forgotten = 0
      while start < bytes.count {
        var end = start
        while end < bytes.count, bytes[end] != 0x0A, bytes[end] != 0x0D { end += 1 }
        try take(UnsafeRawBufferPointer(rebasing: bytes[start..<end]), &room)
        room.wrote(numbers.count * NumberRoom.size)
        // CR LF is one line end.
        let isPair = end + 1 < bytes.count && bytes[end] == 0x0D && bytes[end + 1] == 0x0A
        start = end + (isPair ? 2 : 1)
        if start - forgotten >= Self.forgottenSize, start <= bytes.count {
          storage.forget(forgotten..<start)
          forgotten = start
        }
      }
    }
  }

  private func error(_ problem: String, _ remedy: String) -> RNNError {
    RNNError(.badData, place: "line \(line)", problem, remedy: remedy)
  }

  private mutating func take(_ bytes: UnsafeRawBufferPointer, _ room: inout ScratchRoom) throws(RNNError) {
    line += 1
    let content = Self.trim(bytes[..<(bytes.firstIndex(of: UInt8(ascii: "#")) ?? bytes.endIndex)])
    if content.isEmpty { return }
    guard !content.contains(UInt8(ascii: ";")) else {
      throw error("semicolons, expected commas between columns", "save it with commas, and points in the numbers")
    }
    guard !content.contains(UInt8(ascii: "\t")) || content.contains(UInt8(ascii: ",")) else {
      throw error("tabs between columns (a TSV file), expected commas", "turn them into commas: tr '\\t' ',' < FILE > x.csv")
    }
    if columns == nil, !hasHeader {
      let cells = content.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map(Self.trim)
      if cells.allSatisfy(Self.isName) {
        guard let first = cells.first, !first.isEmpty else {
          throw error("the first column has no name, as that of row numbers has none",
            "save the table without row numbers")
        }
        hasHeader = true
        return
      }
    }
    var (column, start) = (0, content.startIndex)
    while start <= content.endIndex {
      let end = content[start...].firstIndex(of: UInt8(ascii: ",")) ?? content.endIndex
      let cell = Self.trim(content[start..<end])
      column += 1
      start = end + 1
      guard let number = Self.number(cell) else {
        if Self.isDate(cell) {
          throw error("column \(column) is a date or time, \"\(Self.text(cell))\", and no number",
            "leave the column out: cut -d, -f\(column) --complement FILE > x.csv")
        }
        throw error("column \(column) is \(cell.isEmpty ? "empty" : "\"\(Self.text(cell))\""), expected a number",
          "correct the number")
      }
      guard number.isFinite || cell.allSatisfy({ !(48...57).contains($0) }) else {
        throw error("column \(column) is \(Self.text(cell)), too large for float64", "correct the number")
      }
      numbers.append(number, &room)
    }
    guard columns == nil || columns == column else {
      throw error("\(column) columns, expected \(columns ?? 0) as in the rows before", "give every row as many numbers")
    }
    columns = column
  }

  private static func text(_ cell: Slice<UnsafeRawBufferPointer>) -> Substring {
    String(decoding: cell, as: UTF8.self).prefix(40)
  }

  private static func trim(_ bytes: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    var (start, end) = (bytes.startIndex, bytes.endIndex)
    while start < end, isSpace(bytes[start]) { start += 1 }
    while start < end, isSpace(bytes[end - 1]) { end -= 1 }
    return bytes[start..<end]
  }

  /// Words that tables use for missing numbers.
  private static let missing: Set = ["na", "n/a", "none", "null", "nat", "nil", "missing", "<na>", "#n/a"]

  /// Whether a cell, quoted or not, can be a column name: it is not a number or a word for a missing one, and does not
  /// begin like a number.
  private static func isName(_ cell: Slice<UnsafeRawBufferPointer>) -> Bool {
    var cell = cell
    if cell.count >= 2, cell.first == UInt8(ascii: "\""), cell.last == UInt8(ascii: "\"") { cell = trim(cell.dropFirst().dropLast()) }
    guard let first = cell.first else { return true }
    return !"0123456789+-.".utf8.contains(first) && number(cell) == nil
      && !(cell.count <= 8 && missing.contains(String(decoding: cell, as: UTF8.self).lowercased()))
  }

  /// Whether a cell, quoted or not, looks like a date or time: digits between dashes, slashes, points or colons.
  private static func isDate(_ cell: Slice<UnsafeRawBufferPointer>) -> Bool {
    let marks = cell.count { "-/:.".utf8.contains($0) }
    return cell.count <= 40 && marks >= 2 && cell.count { (48...57).contains($0) } >= 4
      && cell.allSatisfy { (48...57).contains($0) || "-/:. TZ+\"".utf8.contains($0) }
  }

  /// A decimal number, `nan`, `inf` or `infinity` with or without a sign, in any case.
  private static func number(_ cell: Slice<UnsafeRawBufferPointer>) -> DecimalNumber? {
    if let number = DecimalNumber(UnsafeRawBufferPointer(rebasing: cell)) { return number }
    guard cell.count <= 9 else { return nil }
    let word = String(decoding: cell, as: UTF8.self).lowercased()
    let name = word.hasPrefix("-") || word.hasPrefix("+") ? word.dropFirst() : word[...]
    switch name {
    case "nan": return .real(.nan)
    case "inf", "infinity": return .real(word.hasPrefix("-") ? -.infinity : .infinity)
    default: return nil
    }
  }
}
