import RNNModel

/// Keras' order of gates, which RTNeural has taken over.
///
/// Source: keras/src/layers/rnn/lstm.py (i, f, c, o: PyTorch's i, f, g, o), gru.py (z, r, h: PyTorch's r, z, n).
enum KerasGates {
  /// Which of the other order's blocks stands where; the same both ways.
  static func order(_ cell: Recurrent.Cell) -> [Int] {
    switch cell {
    case .rnn: [0]
    case .lstm: [0, 1, 2, 3]
    case .gru: [1, 0, 2]
    }
  }
}
