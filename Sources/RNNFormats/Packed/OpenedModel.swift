import RNNModel

/// A file whose format is known, or that file of an archive which holds the model.
package struct OpenedModel {
  package let format: any ModelFormat.Type
  let file: InputFile
  /// The file as the user named it, and the member of it that is read.
  let path: String
  var member = ""
  /// What was chosen, and of what.
  var notes: [Phrase] = []

  /// Reads everything it holds; see `ModelFormat`, `LateUnpacking` and `ConfigReading`.
  package func read(
    supplying tensors: [NamedTensor], unpacking failures: LateFailures? = nil, config: JSONValue? = nil
  ) throws(RNNError) -> SuppliedModel {
    do throws(RNNError) {
      var model: SuppliedModel
      if let config {
        guard let reading = format as? any ConfigReading.Type else {
          throw RNNError(.usage, "a config is of Keras' weights, and the file is of the format \(format.name)",
            remedy: "leave \(.config) out")
        }
        model = SuppliedModel(archive: try reading.read(file, config: config), members: tensors)
      } else if let failures, tensors.isEmpty, let late = format as? any LateUnpacking.Type {
        model = SuppliedModel(archive: try late.read(file, unpacking: failures), members: [])
      } else {
        model = try format.read(file, supplying: tensors)
      }
      model.archive.notes.insert(contentsOf: notes, at: 0)
      return model
    } catch {
      guard file.path != path else { throw error.inFile(path) }
      var error = error
      if error.file == file.path { error.file = nil }
      if !member.isEmpty { error.place = ["member \(member)", error.place].compactMap { $0 }.joined(separator: ", ") }
      throw error.inFile(path)
    }
  }
}

extension FormatRegistry {
  /// Finds a file's format by content, or takes the one named; looks into zip, tar and gzip files that are no models
  /// themselves.
  ///
  /// - Parameters:
  ///   - entry: Which model of the file: a state_dict, `ema`, a file of an archive, `policy.pth`, or both,
  ///     `policy.pth:ema`. Without it the only model is taken, or of several the only recurrent one, with a note.
  ///   - entryMayBeUnused: Whether a file of one model may be given too.
  package func open(
    _ file: InputFile, as name: String? = nil, entry: String? = nil, entryMayBeUnused: Bool = false
  ) throws(RNNError) -> OpenedModel {
    let named = try name.map { (name) throws(RNNError) in try format(named: name) }
    do throws(RNNError) {
      func taking(_ file: InputFile) -> (any ModelFormat.Type)? {
        if let named { return named.recognizes(file) ? named : nil }
        return formats.first { $0.recognizes(file) }
      }
      var member: PackedFile.Member
      var notes: [Phrase] = []
      let members: [PackedFile.Member]
      if let format = taking(file) {
        members = []
        member = PackedFile.Member(name: "", file: file, format: format)
        member.file.entry = entry
      } else if PackedFile.isPacked(file) {
        members = try PackedFile.members(of: file, taking)
        (member, notes) = try choose(members, entry, of: file)
      } else {
        members = []
        member = PackedFile.Member(name: "", file: file, format: try format(of: file, named: name))
        member.file.entry = entry
      }
      if let left = member.file.entry, !member.format.holdsSeveral {
        guard entryMayBeUnused || members.count > 1 else {
          throw ModelEntry.onlyOne(left, in: "a file of format \(member.format.name)")
        }
        if members.count > 1 { throw ModelEntry.unknown(left, of: members.map(\.name), in: file) }
      }
      return OpenedModel(format: member.format, file: member.file, path: file.path, member: member.name, notes: notes)
    } catch {
      throw error.inFile(file.path)
    }
  }

  private func choose(
    _ members: [PackedFile.Member], _ entry: String?, of file: InputFile
  ) throws(RNNError) -> (PackedFile.Member, [Phrase]) {
    if let entry {
      if var found = members.first(where: { $0.name == entry }) {
        found.file.entryPrefix = found.name.isEmpty ? "" : found.name + ":"
        return (found, [])
      }
      let inside = members.filter { !$0.name.isEmpty && entry.hasPrefix($0.name + ":") }
      if var found = inside.max(by: { $0.name.utf8.count < $1.name.utf8.count }) {
        found.file.entryPrefix = found.name + ":"
        found.file.entry = String(entry.dropFirst(found.name.count + 1))
        return (found, [])
      }
      guard members.count == 1, members[0].name.isEmpty || members[0].format.holdsSeveral else {
        throw ModelEntry.unknown(entry, of: members.map(\.name), in: file)
      }
      var only = members[0]
      only.file.entry = entry
      return (only, [])
    }
    if members.count == 1 {
      return (members[0], members[0].name.isEmpty ? [] : ["the model is \(members[0].name) of the archive"])
    }
    let (models, others) = try recurrent(members, of: file)
    guard models.count == 1, var only = models.first else {
      throw ModelEntry.several((models.isEmpty ? members : models).map(\.name), in: file)
    }
    only.file.entryPrefix = only.name + ":"
    return (only, ["the model is \(only.name) of the archive; left out: \(others.map(\.name).listed(atMost: 4))"])
  }

  /// Those with recurrent weights, or that may have them, as they cannot be read as they are; and the rest.
  private func recurrent(
    _ members: [PackedFile.Member], of file: InputFile
  ) throws(RNNError) -> (models: [PackedFile.Member], others: [PackedFile.Member]) {
    guard members.count <= Limits.maximumArchivedModels else { throw ModelEntry.several(members.map(\.name), in: file) }
    var (models, others): ([PackedFile.Member], [PackedFile.Member]) = ([], [])
    for member in members {
      var isModel = true
      do throws(RNNError) {
        isModel = try member.format.read(member.file).tensors.contains { tensor in
          ParameterName(parsing: tensor.name.split(separator: ".").last ?? "") != nil
        }
      } catch {
        if error.kind == .inputOutput || error.kind == .defect { throw error }
        isModel = !TorchStateDict.foundNothing(error)
      }
      if isModel { models.append(member) } else { others.append(member) }
    }
    return (models, others)
  }
}
