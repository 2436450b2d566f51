import RNNModel

/// A value on its way through a Keras model.
struct KerasValue {
  var value: Forward.Value
  /// Whether it has a time axis; nil where nothing tells, as behind a layer that cannot be run.
  var hasTime: Bool?
  /// The name of the model's input that it is, where that has one axis beside the batch's: of indices in time, or of
  /// features without time.
  var flatInput: String?
}

/// What a layer does with what it is called on.
enum KerasStep {
  case nothing
  case embedding
  /// A module applied step by step, and the function of what it gives.
  case module(then: Function)
  case activation(Function)
  case recurrent(KerasRecurrentCall)
  /// Recurrent layers, each of which takes every step of the one before it.
  case stack([KerasRecurrentCall])
  /// A layer puts axes of one before what has fewer of them, behind that of the batch; a function, as NumPy, before that.
  case merge(KerasMerge, axis: Int, isLayer: Bool)
  /// A step's number or none for all, and features or none for all.
  case index(step: Int?, features: Range<Int>?)
  /// Multiplied and then added to; a nil of neither.
  case scaling([Double]?, [Double]?)
  case window(WindowFunction, TimeWindow)
  case overTime(TimeFunction)
  /// Of query, value and key, or query and value, which is the key too, with linear layers around.
  case attention(Attention)
  /// The same without linear layers.
  case dotAttention(Attention)
  /// Of values without a time axis alone.
  case flatten
  /// Cannot be run.
  case unknown
}

/// How a recurrent layer's module is used.
struct KerasRecurrentCall {
  var module: Recurrent
  var returnsSequence: Bool
  var returnsState: Bool
  /// Of a Bidirectional's two directions.
  var merge = KerasMerge.concatenate
  /// Whether the layer that a Bidirectional calls forward is the module's reverse half, and the other way round.
  var isSwapped = false

  init(_ module: Recurrent, _ options: KerasRecurrentOptions) {
    self.module = module
    returnsSequence = options.returnsSequence
    returnsState = options.returnsState
  }

  /// What the layer gives: its output or outputs, then its states.
  func apply(_ input: Forward.Value, in forward: inout Forward) -> [KerasValue] {
    let run = forward.add(.module(module.name), input)
    var outputs: [Forward.Value]
    if module.direction == .bidirectional {
      outputs = merged(run, in: &forward)
    } else {
      outputs = [returnsSequence ? run : Architecture.end(of: module, run, in: &forward)]
    }
    // Keras gives what it computed backwards in the order it was computed.
    if returnsSequence, module.direction == .reverse || isSwapped { outputs = outputs.map { forward.add(.flip, $0) } }
    var values = outputs.map { KerasValue(value: $0, hasTime: returnsSequence) }
    guard returnsState else { return values }
    for direction in directions {
      for kind in module.cell == .lstm ? [Forward.StateKind.hn, .cn] : [.hn] {
        values.append(KerasValue(value: forward.add(.state(kind, direction), run), hasTime: false))
      }
    }
    return values
  }

  /// The module's directions in the order of Keras' layers.
  private var directions: [Int] {
    guard module.direction == .bidirectional else { return [0] }
    return isSwapped ? [1, 0] : [0, 1]
  }

  private func merged(_ run: Forward.Value, in forward: inout Forward) -> [Forward.Value] {
    if returnsSequence, merge == .concatenate, !isSwapped { return [run] }
    let size = module.stateSize
    let halves = directions.map { direction in
      returnsSequence
        ? forward.add(.slice((direction * size)..<((direction + 1) * size)), run) : forward.add(.state(.hn, direction), run)
    }
    return merge.apply(halves, in: &forward)
  }
}
