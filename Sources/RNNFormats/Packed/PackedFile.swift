import RNNModel

/// An archive of files, or one compressed file, whose files may be models: zip, tar, gzip and one within another.
enum PackedFile {
  /// A file that a format takes, and where it stands: `inner.zip:policy.pth`; empty for what a gzip file holds.
  struct Member {
    let name: String
    let format: any ModelFormat
    /// The file, or why it cannot be opened.
    let opened: Result<OpenedFile, RNNError>
    /// The file's own name for errors.
    let path: String
    /// What it holds, where that has been looked at.
    var model: Result<SuppliedModel, RNNError>?

    /// Nil for a file of another format.
    init?(_ name: String, _ file: InputFile, _ format: any ModelFormat, isNamed: Bool) {
      do throws(RNNError) {
        guard let opened = try format.open(file, isNamed: isNamed) else { return nil }
        self.opened = .success(opened)
      } catch {
        opened = .failure(error)
      }
      (self.name, self.format, path) = (name, format, file.path)
    }
  }

  static func isPacked(_ file: InputFile) -> Bool {
    file.withUnsafeBytes { ZipArchive.begins($0) || TarArchive.begins($0) || GzipInflation.begins($0) }
  }

  /// Every file in it that a format takes, in order. Throws `badData` where there is none or it cannot be unpacked.
  static func members(of file: InputFile, _ taken: @escaping (InputFile, String) -> Member?) throws(RNNError) -> [Member] {
    var search = Search(taken: taken, budget: UnpackingBudget(file.count))
    try search.visit(file, "", depth: 0)
    guard !search.found.isEmpty else { throw search.reason ?? search.nothing(in: file) }
    return search.found
  }

  private struct Search {
    let taken: (InputFile, String) -> Member?
    var budget: UnpackingBudget
    var found: [Member] = []
    /// All files that were met, for the error that none is a model; and what the only one is.
    var names: [String] = []
    var reason: RNNError?

    mutating func visit(_ file: InputFile, _ path: String, depth: Int) throws(RNNError) {
      guard depth < Limits.maximumArchiveDepth else {
        throw RNNError(
          .badData, place: path.isEmpty ? nil : "member \(path)", "archives within archives in more than \(Limits.maximumArchiveDepth) levels",
          remedy: "give the model's own file")
      }
      do throws(RNNError) {
        if file.withUnsafeBytes(ZipArchive.begins) { return try zip(file, path, depth) }
        if file.withUnsafeBytes(GzipInflation.begins) {
          let bytes = try GzipInflation(file.storage).bytes(&budget)
          return try add(InputFile(bytes, name: "\(file.path)/unpacked"), path, depth)
        }
        let storage = file.storage
        let entries = try file.withUnsafeBytes { (bytes) throws(RNNError) in try TarArchive(bytes).entries }
        for entry in entries {
          guard let bytes = storage.slice(at: entry.offset, count: entry.count) else {
            throw RNNError(.defect, place: "member \(entry.name)", "its bytes are outside the archive")
          }
          try add(InputFile(bytes, name: "\(file.path)/\(entry.name)"), join(path, entry.name), depth)
        }
      } catch {
        // Nested ones have said where.
        guard depth > 0, !path.isEmpty, error.place?.hasPrefix("member \(path)") != true else { throw error }
        var error = error
        error.place = ["member \(path)", error.place].compactMap { $0 }.joined(separator: ", ")
        throw error
      }
    }

    private func join(_ path: String, _ name: String) -> String { path.isEmpty ? name : "\(path):\(name)" }

    private mutating func zip(_ file: InputFile, _ path: String, _ depth: Int) throws(RNNError) {
      let archive = try file.zip(acceptsMissingChecksums: true)
      // What stands in a program of another kind is no file of its own.
      if let program = ForeignFile.program(archive.entries.map(\.name)) { throw program.error }
      for entry in archive.entries where entry.isDeflated { try budget.take(entry.count) }
      for entry in archive.entries {
        try archive.requireRoom(for: [entry])
        try add(InputFile(archive.bytes(of: entry), name: "\(file.path)/\(entry.name)"), join(path, entry.name), depth)
      }
    }

    private mutating func add(_ file: InputFile, _ path: String, _ depth: Int) throws(RNNError) {
      if let member = taken(file, path) { return found.append(member) }
      if PackedFile.isPacked(file) { return try visit(file, path, depth: depth + 1) }
      names.append(path)
      reason = nil
      // What a compressed file or an archive of one file is says more than that it is no model.
      guard names.count == 1, let foreign = ForeignFile.recognize(file) else { return }
      var error = foreign.error
      if !path.isEmpty { error.place = "member \(path)" }
      reason = error
    }

    func nothing(in file: InputFile) -> RNNError {
      let named = names.filter { !$0.isEmpty }.map { "\"\($0)\"" }
      let what = file.withUnsafeBytes { bytes in
        ZipArchive.begins(bytes) ? "a zip archive" : GzipInflation.begins(bytes) ? "a gzip file" : "a tar archive"
      }
      let holds = named.isEmpty ? "" : ": it holds \(named.listed(atMost: 3))"
      return RNNError(
        .badData, names.isEmpty ? what == "a zip archive" ? "an empty zip archive" : "\(what) without files"
          : "\(what) without a model that RNNKit reads\(holds)",
        remedy: "see \(.formats) for what can be read")
    }
  }
}
