/// A recurrent module's parameter, as PyTorch names it: `weight_ih_l0`, `bias_hh_l1_reverse`, a cell's `weight_hh`.
///
/// Source: torch/nn/modules/rnn.py, `RNNBase.__init__` and `RNNCellBase.__init__`.
public struct ParameterName: Sendable, Hashable, CustomStringConvertible {
  /// The parameters of a recurrent layer.
  public enum Kind: String, Sendable, CaseIterable {
    /// (gates·hidden, input)
    case weightIH = "weight_ih"
    /// (gates·hidden, hidden, or the projection's size)
    case weightHH = "weight_hh"
    /// (gates·hidden)
    case biasIH = "bias_ih"
    /// (gates·hidden)
    case biasHH = "bias_hh"
    /// (projection, hidden): an LSTM's projection.
    case weightHR = "weight_hr"
    /// (3·hidden), gates i, f, o: an LSTM's peepholes. PyTorch has none; the name is RNNKit's, the meaning ONNX's `P` in
    /// PyTorch's gate order.
    case weightPeephole = "weight_peephole"
  }

  /// Which parameter.
  public var kind: Kind
  /// The layer, or nil for `nn.RNNCell`, `LSTMCell` and `GRUCell`, whose names have none.
  public var layer: Int?
  /// Whether it is the reverse direction's.
  public var isReverse: Bool

  public init(_ kind: Kind, layer: Int?, isReverse: Bool = false) {
    self.kind = kind
    self.layer = layer
    self.isReverse = isReverse
  }

  /// Parses the last part of a name; nil where it is no recurrent parameter. `weight_ih_l01` is none.
  public init?(parsing text: some StringProtocol) {
    var rest = Substring(text)
    guard let kind = Kind.allCases.first(where: { rest.hasPrefix($0.rawValue) }) else { return nil }
    rest = rest.dropFirst(kind.rawValue.count)
    if rest.isEmpty {
      self.init(kind, layer: nil)
      return
    }
    guard rest.hasPrefix("_l") else { return nil }
    rest = rest.dropFirst(2)
    let isReverse = rest.hasSuffix("_reverse")
    if isReverse { rest = rest.dropLast("_reverse".count) }
    guard !rest.isEmpty, rest.utf8.count <= 4, rest.utf8.allSatisfy({ (48...57).contains($0) }),
      rest == "0" || !rest.hasPrefix("0"), let layer = Int(rest), layer < Limits.maximumLayerCount
    else { return nil }
    self.init(kind, layer: layer, isReverse: isReverse)
  }

  public var description: String {
    kind.rawValue + (layer.map { "_l\($0)" } ?? "") + (isReverse ? "_reverse" : "")
  }
}
