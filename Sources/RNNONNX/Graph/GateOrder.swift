import RNNModel

/// How ONNX orders the gates along the rows of a weight, against PyTorch's order.
///
/// Source: onnx/defs/rnn/defs.cc: LSTM i, o, f, c, peepholes i, o, f; GRU z, r, h. PyTorch: LSTM i, f, g, o; GRU r, z,
/// n; peepholes, which are RNNKit's own name, i, f, o.
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
