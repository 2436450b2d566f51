import RNNModel

/// Comma-separated numbers, one row per step: an array of shape (rows, columns).
///
/// Empty lines, `#` comments and one line of column names before the first row are skipped. Numbers become float64, which
/// the runner rounds once to the model's type, or int64 if all of them are integers.
public struct CSVFormat: ArrayFormat {
  public let name = "csv"
  public let fileExtensions = ["csv"]
  public let holdsOneArray = true
  public let isText = true

  public init() {}

  /// Accepts anything that begins like text. This format is for files that no other format recognises.
  public func recognizes(_ file: InputFile) -> Bool {
    file.withUnsafeBytes { bytes in bytes.prefix(4096).allSatisfy { $0 >= 0x20 || [0x09, 0x0A, 0x0D].contains($0) } }
  }

  public func read(_ file: InputFile) throws(RNNError) -> [NamedTensor] {
    [NamedTensor("", try CSVReader.tensor(file.storage))]
  }

  /// Writes one row per step, each number as the shortest decimal that reads back as the same value. Refuses a batch of
  /// more than one sequence, which a table cannot hold.
  public func write(_ output: ArrayOutput, to file: inout OutputFile) throws(RNNError) {
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
