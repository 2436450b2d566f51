extension Collection where Element: StringProtocol {
  /// The names between commas, at most `limit` of them and then how many more there are: `a, b and 19,998 more`. An empty
  /// name is "(unnamed)"; no name at all is "none".
  package func listed(atMost limit: Int = 8) -> String {
    guard !isEmpty else { return "none" }
    let names = prefix(count == limit + 1 ? limit + 1 : limit).map { $0.isEmpty ? "(unnamed)" : String($0) }
    let text = names.joined(separator: ", ")
    let more = count - names.count
    return more > 0 ? "\(text) and \(more.groupedDigits) more" : text
  }
}

extension Int {
  /// The number with commas, as 12,345.
  package var groupedDigits: String {
    var digits = String(magnitude)
    var result = ""
    while digits.count > 3 {
      result = "," + digits.suffix(3) + result
      digits.removeLast(3)
    }
    return (self < 0 ? "-" : "") + digits + result
  }
}
