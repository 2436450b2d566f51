import RNNModel

extension HDF5Tree {
  /// The archive that `read` makes of the tree, with a departure for unreadable datasets and a note for unreadable names.
  ///
  /// If `read` fails, the unreadable datasets are assumed to be the reason.
  ///
  /// - Parameter place: what contains the tree, `member model.weights.h5`; nil for a file.
  func archive(
    in place: String? = nil, _ read: (HDF5Tree) throws(RNNError) -> TensorArchive
  ) throws(RNNError) -> TensorArchive {
    let departure = departure(in: place)
    var archive: TensorArchive
    do throws(RNNError) { archive = try read(self) } catch { throw departure?.error(canBeIgnored: false) ?? error }
    if let departure { archive.departures.append(departure) }
    let names = unreadable.filter { $0.loss == .name }
    if !names.isEmpty { archive.notes.append("read under one name alone: \(Self.text(names))") }
    return archive
  }

  /// The error for a group's first unreadable dataset.
  func unreadableError(below path: String) -> RNNError? {
    unreadable.first { $0.loss == .numbers && $0.path.hasPrefix(path + "/") }
      .map { RNNError(.badData, place: $0.path, $0.reason, remedy: $0.remedy) }
  }

  private func departure(in place: String?) -> Departure? {
    let lost = unreadable.filter { $0.loss == .numbers }
    guard let first = lost.first else { return nil }
    let more = lost.count == 1 ? "" : ", one of \(lost.count) that cannot be read"
    return Departure(
      .unreadable, place: place.map { "\($0), \(first.path)" } ?? first.path, "\(first.reason)\(more)",
      remedy: Phrase(first.remedy), note: "left out, since they cannot be read: \(Self.text(lost))")
  }

  /// The number of names in a note.
  private static let shown = 8

  private static func text(_ list: [Unreadable]) -> String {
    let names = list.prefix(shown).map { "\($0.path) (\($0.reason))" }.joined(separator: ", ")
    return list.count > shown ? "\(names) and \(list.count - shown) more" : names
  }
}
