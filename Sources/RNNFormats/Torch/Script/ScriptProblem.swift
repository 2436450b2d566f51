/// Why a `forward()` cannot be read as a line.
enum ScriptStop: Error, Equatable {
  /// The first operation that is not understood: `code/__torch__/model.py, line 12`, and what stands there.
  case problem(place: String, String)
  /// An input of the model turns out to be something else than a sequence of values; it is read again as that.
  case needs(input: Int, ScriptInput)
}

/// What an input of `forward()` is used as.
enum ScriptInput: Equatable {
  /// (batch, time, features), or (time, batch, features).
  case sequence
  /// Whole numbers for an embedding, (batch, time) or (time, batch).
  case indices
  /// How long each sequence is, which a run takes by itself.
  case lengths
  /// A recurrent module's starting state, which a run takes by itself.
  case state
}
