import RNNModel

/// Prints tensors as PyTorch's `print` does, with its default options; torch/_tensor_str.py is the definition.
package enum TensorPrinter {
  /// Digits after the point.
  static let precision = 4
  /// A tensor with more elements is abbreviated.
  static let threshold = 1000
  /// The number of first and last elements of each axis that an abbreviated tensor shows.
  static let edgeItems = 3
  static let lineWidth = 80

  /// `tensor([[0.1000, 0.2000],…])`, on several lines for a large tensor, without a trailing line feed.
  package static func text(_ tensor: Tensor) -> String {
    let prefix = "tensor("
    var suffixes: [String] = []
    let body: String
    if tensor.count == 0 {
      body = "[]"
      if tensor.shape.rank != 1 { suffixes.append("size=\(tensor.shape)") }
      if tensor.elementType != .float32 { suffixes.append("dtype=torch.\(tensor.elementType.rawValue)") }
    } else {
      if ![.float32, .complex64, .int64, .bool].contains(tensor.elementType) {
        suffixes.append("dtype=torch.\(tensor.elementType.rawValue)")
      }
      body = tensor.withUnsafeBytes { TensorText(tensor, $0).text(indent: prefix.count) }
    }
    var result = prefix + body
    // Two more than the last line has, as in _add_suffixes.
    var lineLength = (result.split(separator: "\n").last?.count ?? 0) + 2
    for suffix in suffixes {
      if lineLength + suffix.count + 2 > lineWidth {
        result += ",\n" + String(repeating: " ", count: prefix.count) + suffix
        lineLength = prefix.count + suffix.count
      } else {
        result += ", " + suffix
        lineLength += suffix.count + 2
      }
    }
    return result + ")"
  }
}

/// The nested brackets of one tensor.
private struct TensorText {
  private let sizes: [Int]
  private let type: ElementType
  private let bytes: UnsafeRawBufferPointer
  private let isShortened: Bool
  /// One for the elements, or one each for their real and imaginary parts.
  private var formatters: [ElementFormatter] = []

  init(_ tensor: Tensor, _ bytes: UnsafeRawBufferPointer) {
    sizes = tensor.shape.dimensions
    type = tensor.elementType
    self.bytes = bytes
    isShortened = tensor.count > TensorPrinter.threshold
    let parts = shownIndices(axis: 0, from: 0).map(parts(at:))
    let isComplex = type == .complex64 || type == .complex128
    formatters = (0..<(isComplex ? 2 : 1)).map { part in ElementFormatter(parts.map { $0[part] }) }
  }

  func text(indent: Int) -> String { text(axis: 0, from: 0, indent: indent) }

  private func parts(at index: Int) -> [ElementFormatter.Value] {
    switch TensorElement(bytes, type, at: index) {
    case .single(let value): [.float(Double(value))]
    case .double(let value): [.float(value)]
    case .integer(let value): [.text(value.description)]
    case .unsigned(let value): [.text(value.description)]
    case .bool(let value): [.text(value ? "True" : "False")]
    case .complex(let real, let imaginary): [.float(real), .float(imaginary)]
    }
  }

  /// The positions along an axis that are shown; nil stands for the dots.
  private func shown(axis: Int) -> [Int?] {
    let (count, edge) = (sizes[axis], TensorPrinter.edgeItems)
    guard isShortened, count > 2 * edge else { return Array(0..<count) }
    return Array(0..<edge) + [nil] + Array(count - edge..<count)
  }

  private func shownIndices(axis: Int, from start: Int) -> [Int] {
    guard axis < sizes.count else { return [start] }
    var result: [Int] = []
    for case let position? in shown(axis: axis) {
      result += shownIndices(axis: axis + 1, from: start * sizes[axis] + position)
    }
    return result
  }

  private func element(_ index: Int) -> String {
    let parts = parts(at: index)
    let first = formatters[0].text(parts[0])
    guard formatters.count == 2 else { return first }
    let second = formatters[1].text(parts[1]).drop { $0 == " " } + "j"
    return first + (second.hasPrefix("+") || second.hasPrefix("-") ? "" : "+") + second
  }

  /// `start` is the index of this row among all rows of the outer axes.
  private func text(axis: Int, from start: Int, indent: Int) -> String {
    if axis == sizes.count { return element(start) }
    let positions = shown(axis: axis)
    if axis + 1 == sizes.count { return vector(positions, from: start, indent: indent) }
    let slices = positions.map { position in
      position.map { text(axis: axis + 1, from: start * sizes[axis] + $0, indent: indent + 1) } ?? "..."
    }
    let separator =
      "," + String(repeating: "\n", count: sizes.count - axis - 1) + String(repeating: " ", count: indent + 1)
    return "[" + slices.joined(separator: separator) + "]"
  }

  private func vector(_ positions: [Int?], from start: Int, indent: Int) -> String {
    let size = sizes[sizes.count - 1]
    // An element, a comma and a space; an imaginary part also has its j.
    let width = formatters.reduce(2) { $0 + $1.width } + formatters.count - 1
    let perLine = max(1, (TensorPrinter.lineWidth - indent) >= 0 ? (TensorPrinter.lineWidth - indent) / width : 1)
    let cells = positions.map { position in position.map { element(start * size + $0) } ?? " ..." }
    let lines = stride(from: 0, to: cells.count, by: perLine).map { first in
      cells[first..<min(first + perLine, cells.count)].joined(separator: ", ")
    }
    return "[" + lines.joined(separator: ",\n" + String(repeating: " ", count: indent + 1)) + "]"
  }
}
