extension Sequence<String> {
  /// The names as a message lists them: the first eight, then "and 12 more". An empty name is "(unnamed)"; no name at all
  /// is "none".
  public var listed: String {
    var count = 0
    var shown: [String] = []
    for name in self {
      count += 1
      if count <= 8 { shown.append(name.isEmpty ? "(unnamed)" : name) }
    }
    guard count > 0 else { return "none" }
    return shown.joined(separator: ", ") + (count > 8 ? " and \(count - 8) more" : "")
  }
}
