/// Why a `forward()` cannot be read as a line.
enum ScriptStop: Error, Equatable {
  /// The first operation that is not understood: `code/__torch__/model.py, line 12`, and what stands there.
  case problem(place: String, String)
  /// An input of the model turns out to be something else than a sequence of values; it is read again as that.
  case needs(input: Int, ScriptInput)
  /// What an input goes to tells how many features or channels it has; it is read again with them.
  case learns(input: Int, ScriptSize)
  /// How many positions an input has must be known, and nothing says it so far.
  case searches(input: Int)
}

/// What an input of `forward()` is used as.
enum ScriptInput: Equatable {
  /// (batch, time, features), or with other axes as `ScriptForm` has them.
  case sequence
  /// Whole numbers for an embedding, (batch, time) or (time, batch).
  case indices
  /// How long each sequence is, which a run takes by itself.
  case lengths
  /// A recurrent module's starting state, which a run takes by itself.
  case state
}

/// The axes that the inputs have in PyTorch.
enum ScriptForm: CaseIterable {
  /// (batch, time, features), or (time, batch, features).
  case rows
  /// The one of these two that the results have not.
  case otherRows
  /// (batch, features, time)
  case turned
  /// (batch, time)
  case steps
  /// (batch, channels, time, positions)
  case timeFirst
  /// (batch, channels, positions, time)
  case timeLast
}

/// A size of an input that nothing but its use tells.
enum ScriptSize: Equatable {
  case channels(Int)
  /// Features where there are no channels.
  case positions(Int)
}

/// What is known of an input's sizes.
struct ScriptSizes: Equatable {
  var channels: Int?
  var positions: Int?

  /// False where it contradicts what is known.
  mutating func learn(_ size: ScriptSize) -> Bool {
    switch size {
    case .channels(let count):
      defer { channels = count }
      return channels == nil
    case .positions(let count):
      defer { positions = count }
      return positions == nil
    }
  }
}
