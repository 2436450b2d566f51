import RNNModel

/// A file whose format is known, or that file of an archive which holds the model.
package struct OpenedModel {
  package let format: any ModelFormat
  private let member: PackedFile.Member
  private let request: ModelRequest
  /// The file as the user named it.
  private let path: String
  /// What was chosen, and of what.
  private let notes: [Phrase]

  fileprivate init(_ member: PackedFile.Member, _ request: ModelRequest, path: String, notes: [Phrase]) {
    (format, self.member, self.request, self.path, self.notes) = (member.format, member, request, path, notes)
  }

  /// Reads everything it holds.
  package func read() throws(RNNError) -> SuppliedModel {
    do throws(RNNError) {
      let opened = try member.opened.get()
      guard request.config == nil || opened.takesConfig else {
        throw RNNError(.usage, "a config is of Keras' weights, and the file is of the format \(format.name)",
          remedy: "leave \(.config) out")
      }
      var model = if let known = member.model { try known.get() } else { try opened.read(request) }
      model.archive.notes.insert(contentsOf: notes, at: 0)
      return model
    } catch {
      guard member.path != path else { throw error.inFile(path) }
      var error = error
      if error.file == member.path { error.file = nil }
      if !member.name.isEmpty {
        error.place = ["member \(member.name)", error.place].compactMap { $0 }.joined(separator: ", ")
      }
      throw error.inFile(path)
    }
  }
}

extension FormatRegistry {
  /// Finds a file's format by content, or takes the one named; looks into zip, tar and gzip files that are no models
  /// themselves.
  ///
  /// - Parameters:
  ///   - request: What is wanted. Its `entry` is a state_dict, `ema`, a file of an archive, `policy.pth`, or both,
  ///     `policy.pth:ema`. Without it the only model is taken, or of several the only recurrent one, with a note.
  ///   - entryMayBeUnused: Whether a file of one model may be given too.
  package func open(
    _ file: InputFile, as name: String? = nil, _ request: ModelRequest = ModelRequest(), entryMayBeUnused: Bool = false
  ) throws(RNNError) -> OpenedModel {
    let named = try name.map { (name) throws(RNNError) in try format(named: name) }
    let formats = named.map { [$0] } ?? self.formats
    do throws(RNNError) {
      func taken(_ file: InputFile, _ name: String) -> PackedFile.Member? {
        for format in formats {
          if let member = PackedFile.Member(name, file, format, isNamed: false) { return member }
        }
        return nil
      }
      var request = request
      var notes: [Phrase] = []
      var members: [PackedFile.Member] = []
      let member: PackedFile.Member
      if let whole = taken(file, "") {
        member = whole
      } else if PackedFile.isPacked(file) {
        members = try PackedFile.members(of: file, taken)
        (member, notes) = try choose(members, &request)
      } else if let named, let whole = PackedFile.Member("", file, named, isNamed: true) {
        member = whole
      } else {
        throw unknown(file)
      }
      if let left = request.entry, case .success(let opened) = member.opened, !opened.holdsSeveral {
        guard entryMayBeUnused || members.count > 1 else {
          throw ModelEntry.onlyOne(left, in: "a file of format \(member.format.name)")
        }
        if members.count > 1 { throw ModelEntry.unknown(left, of: members.map(\.name), ModelRequest()) }
      }
      return OpenedModel(member, request, path: file.path, notes: notes)
    } catch {
      throw error.inFile(file.path)
    }
  }

  /// The member that is meant, with what is left of the request within it.
  private func choose(
    _ members: [PackedFile.Member], _ request: inout ModelRequest
  ) throws(RNNError) -> (PackedFile.Member, [Phrase]) {
    if let entry = request.entry {
      if let found = members.first(where: { $0.name == entry }) {
        request.entry = nil
        request.entryPrefix = found.name.isEmpty ? "" : found.name + ":"
        return (found, [])
      }
      let inside = members.filter { !$0.name.isEmpty && entry.hasPrefix($0.name + ":") }
      if let found = inside.max(by: { $0.name.utf8.count < $1.name.utf8.count }) {
        request.entryPrefix = found.name + ":"
        request.entry = String(entry.dropFirst(found.name.count + 1))
        return (found, [])
      }
      guard members.count == 1, members[0].name.isEmpty || (try? members[0].opened.get().holdsSeveral) == true else {
        throw ModelEntry.unknown(entry, of: members.map(\.name), ModelRequest())
      }
      return (members[0], [])
    }
    if members.count == 1 {
      return (members[0], members[0].name.isEmpty ? [] : ["the model is \(members[0].name) of the archive"])
    }
    let (models, others) = try recurrent(members, request)
    guard models.count == 1, let only = models.first else {
      throw ModelEntry.several((models.isEmpty ? members : models).map(\.name), ModelRequest())
    }
    request.entryPrefix = only.name + ":"
    return (only, ["the model is \(only.name) of the archive; left out: \(others.map(\.name).listed(atMost: 4))"])
  }

  /// Those with recurrent weights, or that may have them, as they cannot be read as they are; and the rest.
  private func recurrent(
    _ members: [PackedFile.Member], _ request: ModelRequest
  ) throws(RNNError) -> (models: [PackedFile.Member], others: [PackedFile.Member]) {
    guard members.count <= Limits.maximumArchivedModels else { throw ModelEntry.several(members.map(\.name), ModelRequest()) }
    var (models, others): ([PackedFile.Member], [PackedFile.Member]) = ([], [])
    for var member in members {
      var isModel = true
      do throws(RNNError) {
        var request = request
        request.entryPrefix = member.name + ":"
        let model = try member.opened.get().read(request)
        isModel = model.archive.tensors.contains { tensor in
          ParameterName(parsing: Model.split(tensor.name).parameter) != nil
        }
        member.model = .success(model)
      } catch {
        if error.kind == .inputOutput || error.kind == .defect { throw error }
        isModel = error.kind != .usage && !TorchStateDict.foundNothing(error)
        member.model = .failure(error)
      }
      if isModel { models.append(member) } else { others.append(member) }
    }
    return (models, others)
  }
}
