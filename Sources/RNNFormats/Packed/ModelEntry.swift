import RNNModel

/// What is said of files that hold several models, which have names.
enum ModelEntry {
  /// That one must be chosen.
  static func several(_ names: [String], _ request: ModelRequest) -> RNNError {
    RNNError(
      .badData, "the file holds \(names.count) models", remedy: "choose one with \(.entry): \(list(names, request.entryPrefix))")
  }

  /// That none has the name, or more than one.
  static func unknown(_ entry: String, of names: [String], _ request: ModelRequest, isAmbiguous: Bool = false) -> RNNError {
    RNNError(
      .usage, isAmbiguous ? "several models are named \(entry)" : "no model in the file is named \(entry)",
      remedy: "choose one with \(.entry): \(list(names, request.entryPrefix))")
  }

  /// That there is nothing to choose from.
  static func onlyOne(_ entry: String, in what: String) -> RNNError {
    RNNError(.usage, "\(entry) is to be read, but \(what) holds one model", remedy: "leave out \(.entry)")
  }

  private static func list(_ names: [String], _ prefix: String) -> String {
    names.map { prefix + $0 }.listed(atMost: 32)
  }
}
