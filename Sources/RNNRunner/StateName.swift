import RNNModel

/// A name by which a starting state is given: `h0`, `encoder.c0`.
public struct StateName: Sendable, Hashable {
  /// The module's name; empty where there is none.
  public let module: String
  /// Whether it is of an LSTM's cell state.
  public let isCell: Bool
  /// Whether it is a name that is read, `h0` or `c0`, rather than one that others use: `h_0`, `cx`.
  public let isUsual: Bool

  /// Nil for what is no starting state's name.
  public init?(_ name: String) {
    let (module, parameter) = Model.split(name)
    switch parameter {
    case "h0": (isCell, isUsual) = (false, true)
    case "c0": (isCell, isUsual) = (true, true)
    case "h_0", "hx", "h_init", "initial_h", "initial_state": (isCell, isUsual) = (false, false)
    case "c_0", "cx", "c_init", "initial_c": (isCell, isUsual) = (true, false)
    default: return nil
    }
    self.module = module
  }
}
