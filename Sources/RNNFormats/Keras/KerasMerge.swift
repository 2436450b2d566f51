import RNNModel

/// What a layer or a function of Keras makes of several values, number by number or feature after feature.
///
/// Sources: keras/src/layers/merging/*.py, keras/src/layers/rnn/bidirectional.py.
enum KerasMerge: Hashable {
  case add
  case subtract
  case multiply
  case divide
  case average
  case concatenate
  /// Not at all: a Bidirectional's merge_mode None.
  case apart

  /// By the class of a layer.
  init?(_ className: String) {
    switch className {
    case "Add": self = .add
    case "Subtract": self = .subtract
    case "Multiply": self = .multiply
    case "Average": self = .average
    case "Concatenate": self = .concatenate
    default: return nil
    }
  }

  /// By the class of a function, such as `keras.ops.add`.
  init?(operation: String) {
    switch operation {
    case "Divide", "TrueDivide": self = .divide
    case "Average": return nil
    default: self.init(operation)
    }
  }

  /// By a Bidirectional's merge_mode.
  init?(mode: JSONValue) {
    switch mode {
    case .string("concat"): self = .concatenate
    case .string("sum"): self = .add
    case .string("mul"): self = .multiply
    case .string("ave"): self = .average
    case .null: self = .apart
    default: return nil
    }
  }

  /// As Keras computes it: from the first value on, one after the other.
  func apply(_ values: [Forward.Value], in forward: inout Forward) -> [Forward.Value] {
    func fold(_ kind: Forward.Arithmetic) -> Forward.Value {
      values.dropFirst().reduce(values[0]) { forward.add(.arithmetic(kind), $0, $1) }
    }
    guard !values.isEmpty else { return [] }
    switch self {
    case .add: return [fold(.add)]
    case .subtract: return [fold(.subtract)]
    case .multiply: return [fold(.multiply)]
    case .divide: return [fold(.divide)]
    case .average:
      let sum = fold(.add)
      return [forward.add(.arithmetic(.divide), sum, forward.add(.constant([Double(values.count)])))]
    case .concatenate: return [values.count == 1 ? values[0] : forward.add(.concatenate, of: values)]
    case .apart: return values
    }
  }
}
