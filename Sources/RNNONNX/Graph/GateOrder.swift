import RNNModel

/// How ONNX orders the gates along the rows of a weight, against PyTorch's order.
///
/// Source: onnx/defs/rnn/defs.cc: LSTM i, o, f, c, peepholes i, o, f; GRU z, r, h. PyTorch: LSTM i, f, g, o; GRU r, z, n;
/// peepholes, which are RNNKit's own name, i, f, o.
enum GateOrder {
  /// Element k: which of ONNX's gates is PyTorch's gate k.
  static func fromONNX(_ cell: Recurrent.Cell) -> [Int] {
    switch cell {
    case .rnn: [0]
    case .lstm: [0, 2, 3, 1]
    case .gru: [1, 0, 2]
    }
  }

  /// Element k: which of PyTorch's gates is ONNX's gate k.
  static func toONNX(_ cell: Recurrent.Cell) -> [Int] {
    let order = fromONNX(cell)
    return order.indices.map { gate in order.firstIndex(of: gate) ?? gate }
  }

  /// The same either way.
  static let peephole = [0, 2, 1]
}

extension Tensor {
  /// The first axis cut into equal blocks, one for each element of `order`, and put together in that order: block k of the
  /// result is block `order[k]` of this tensor. Nil where the axis does not divide.
  func reordered(_ order: [Int]) -> Tensor? {
    guard shape.rank > 0, shape[0] % order.count == 0 else { return nil }
    let block = byteCount / order.count
    return Tensor(elementType, shape) { target in
      withUnsafeBytes { source in
        for (place, gate) in order.enumerated() {
          UnsafeMutableRawBufferPointer(rebasing: target[place * block..<(place + 1) * block])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[gate * block..<(gate + 1) * block]))
        }
      }
    }
  }

  /// The part of the first axis that `index` names, without that axis, sharing the bytes.
  func row(_ index: Int) -> Tensor? {
    guard shape.rank > 0, (0..<shape[0]).contains(index) else { return nil }
    let rest = Shape(Array(shape.dimensions.dropFirst()))
    return rest.flatMap { Tensor(elementType, $0, in: storage, at: offset + index * $0.count * elementType.byteCount) }
  }
}
