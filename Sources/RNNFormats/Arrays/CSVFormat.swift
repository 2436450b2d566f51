import RNNModel

/// Numbers separated by commas, a row a step: an array of shape (rows, columns).
///
/// Empty lines and what follows `#` are skipped, and so is one line of column names before the first row. Numbers
/// become float64, which the runner rounds once to the model's type, or int64 where all of them are whole.
public enum CSVFormat: ArrayFormat {
  public static let name = "csv"
  public static let fileExtensions = ["csv"]
  public static let holdsOneArray = true
  public static let isText = true

  /// Anything that begins as text does: the format of files that nothing else recognises.
  public static func recognizes(_ file: InputFile) -> Bool {
    file.withUnsafeBytes { bytes in bytes.prefix(4096).allSatisfy { $0 >= 0x20 || [0x09, 0x0A, 0x0D].contains($0) } }
  }

  public static func read(_ file: InputFile) throws(RNNError) -> [NamedTensor] {
    let tensor = try file.withUnsafeBytes { (bytes) throws(RNNError) in try CSVReader.tensor(bytes) }
    return [NamedTensor("", tensor)]
  }

  /// Writes a row a step, each number as the shortest decimal that reads back as the same value. Refuses a batch of
  /// more than one sequence, which a table cannot hold.
  public static func write(_ output: ArrayOutput, to file: inout OutputFile) throws(RNNError) {
    let tensor = output.end
    var sizes = tensor.shape.dimensions
    if sizes.count > 2, let axis = output.batchAxis, sizes.indices.contains(axis) {
      guard sizes[axis] == 1 else {
        throw RNNError(.badData,
          "a table holds one sequence, the output has \(sizes[axis]) (axis \(axis) of \(tensor.shape))",
          remedy: "write .npy, .npz or .json, or run one sequence")
      }
      sizes.remove(at: axis)
    }
    guard sizes.count <= 2 else {
      throw RNNError(.badData, "a table has two axes, the output has \(sizes.count): \(tensor.shape)",
        remedy: "write .npy, .npz or .json")
    }
    let columns = sizes.count == 2 ? sizes[1] : 1
    var row: [UInt8] = []
    try tensor.withUnsafeBytes { (bytes) throws(RNNError) in
      for index in 0..<tensor.count {
        guard let text = TensorElement(bytes, tensor.elementType, at: index).decimal else {
          throw RNNError(.badData, "a table cannot hold \(tensor.elementType.rawValue)", remedy: "write .npy or .npz")
        }
        row.append(contentsOf: text.utf8)
        row.append(UInt8(ascii: (index + 1) % columns == 0 ? "\n" : ","))
        if row.count >= 1 << 16 {
          try file.write(row)
          row.removeAll(keepingCapacity: true)
        }
      }
      try file.write(row)
    }
  }
}

/// Takes a table apart, line by line.
private struct CSVReader {
  static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  private var values: [Double] = []
  /// The same numbers as long as all of them are whole.
  private var integers: [Int64]? = []
  private var columns: Int?
  private var line = 0
  private var hasHeader = false

  static func tensor(_ bytes: UnsafeRawBufferPointer) throws(RNNError) -> Tensor {
    var reader = CSVReader()
    var rest = bytes[...]
    if rest.starts(with: byteOrderMark) { rest = rest.dropFirst(byteOrderMark.count) }
    while !rest.isEmpty {
      let end = rest.firstIndex { $0 == 0x0A || $0 == 0x0D } ?? rest.endIndex
      try reader.take(rest[..<end])
      // A carriage return and a line feed end one line together.
      let isPair = end + 1 < rest.endIndex && rest[end] == 0x0D && rest[end + 1] == 0x0A
      rest = rest[min(rest.endIndex, end + (isPair ? 2 : 1))...]
    }
    guard let columns = reader.columns, columns > 0, let shape = Shape([reader.values.count / columns, columns]) else {
      throw RNNError(.badData, "no row of numbers", remedy: "give a row of numbers for each step")
    }
    guard let tensor = reader.integers.map({ Tensor($0, shape) }) ?? Tensor(reader.values, shape) else {
      throw RNNError(.defect, "a table does not fit its shape")
    }
    return tensor
  }

  private func error(_ problem: String, _ remedy: String) -> RNNError {
    RNNError(.badData, place: "line \(line)", problem, remedy: remedy)
  }

  private mutating func take(_ bytes: Slice<UnsafeRawBufferPointer>) throws(RNNError) {
    line += 1
    let content = Self.trim(bytes[..<(bytes.firstIndex(of: UInt8(ascii: "#")) ?? bytes.endIndex)])
    if content.isEmpty { return }
    guard !content.contains(UInt8(ascii: ";")) else {
      throw error("semicolons, expected commas between columns", "save it with commas, and points in the numbers")
    }
    let cells = content.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map(Self.trim)
    if columns == nil, !hasHeader, cells.allSatisfy(Self.isName) {
      guard let first = cells.first, !first.isEmpty else {
        throw error("the first column has no name, as that of row numbers has none",
          "save the table without row numbers")
      }
      hasHeader = true
      return
    }
    for (column, cell) in cells.enumerated() {
      let text = String(decoding: cell, as: UTF8.self)
      guard let value = Self.number(cell, text) else {
        throw error("column \(column + 1) is \(cell.isEmpty ? "empty" : "\"\(text.prefix(40))\""), expected a number",
          "correct the number")
      }
      guard value.isFinite || cell.allSatisfy({ !(48...57).contains($0) }) else {
        throw error("column \(column + 1) is \(text.prefix(40)), too large for float64", "correct the number")
      }
      values.append(value)
      if let integer = Int64(text), text != "-0" { integers?.append(integer) } else { integers = nil }
    }
    guard columns == nil || columns == cells.count else {
      throw error("\(cells.count) columns, expected \(columns ?? 0) as in the rows before",
        "give every row as many numbers")
    }
    columns = cells.count
  }

  private static func trim(_ bytes: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    let start = bytes.drop(while: isSpace)
    guard let last = start.lastIndex(where: { !isSpace($0) }) else { return start.suffix(0) }
    return start[...last]
  }

  /// Whether a cell may be a column's name: nothing that is a number, nor begins like one.
  private static func isName(_ cell: Slice<UnsafeRawBufferPointer>) -> Bool {
    guard let first = cell.first else { return true }
    return !"0123456789+-.".utf8.contains(first) && number(cell, String(decoding: cell, as: UTF8.self)) == nil
  }

  /// A decimal number, `nan`, `inf` or `infinity` with or without a sign, in any case. Swift would also take
  /// hexadecimal.
  private static func number(_ cell: Slice<UnsafeRawBufferPointer>, _ text: String) -> Double? {
    if cell.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }) { return Double(text) }
    let word = text.lowercased()
    let name = word.hasPrefix("-") || word.hasPrefix("+") ? word.dropFirst() : word[...]
    switch name {
    case "nan": return .nan
    case "inf", "infinity": return word.hasPrefix("-") ? -.infinity : .infinity
    default: return nil
    }
  }
}
