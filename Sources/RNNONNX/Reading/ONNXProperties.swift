import RNNFormats
import RNNModel

/// The model's metadata: what RNNKit adds to an ONNX file so that nothing is lost, and what others wrote.
///
/// Keys that begin with `rnnkit.` hold JSON: `architecture`, `ordered`, `cases`, `metadata` as in the other containers;
/// `arrays`, the tensors that are no part of the graph (`[{"name", "dtype", "shape", "base64"}]`, members of a case
/// named `cases/<case>/<member>`); and `order`, the names of all tensors in the model's order. Other keys are free
/// metadata.
struct ONNXProperties {
  static let prefix = "rnnkit."

  var envelope = ArchiveEnvelope()
  var arrays: [NamedTensor] = []
  var order: [String]?

  init(_ archive: TensorArchive, carrying names: Set<String>) throws(RNNError) {
    envelope = ArchiveEnvelope(archive)
    arrays = archive.tensors.filter { names.contains($0.name) } + (try ArchiveEnvelope.caseArrays(of: archive))
    order = archive.tensors.map(\.name)
  }

  init(_ entries: [StringStringEntryProto]) throws(RNNError) {
    var keys = Set<String>()
    for entry in entries {
      let place = "metadata \(entry.key)"
      guard keys.insert(entry.key).inserted else {
        throw RNNError(.badData, place: place, "the key stands twice", remedy: "write the file again")
      }
      guard entry.key.hasPrefix(Self.prefix) else {
        envelope.metadata.append(.init(entry.key, .string(entry.value)))
        continue
      }
      func refuse(_ problem: String) -> RNNError {
        RNNError(.badData, place: place, problem, remedy: "remove the entry, or write the file again")
      }
      let json: JSONValue
      do throws(RNNError) {
        json = try JSONValue(parsing: entry.value)
      } catch {
        throw RNNError(
          error.kind, place: place + (error.place.map { ", " + $0 } ?? ""), error.problem, remedy: error.remedy)
      }
      switch entry.key.dropFirst(Self.prefix.count) {
      case "architecture": envelope.architecture = try Architecture(json: json)
      case "cases": envelope.cases = try ArchiveEnvelope.cases(json, at: place)
      case "ordered":
        guard let isOrdered = json.bool else { throw refuse("neither true nor false") }
        envelope.isOrdered = isOrdered
      case "metadata":
        guard let members = json.members else { throw refuse("not a JSON object") }
        envelope.metadata += members
      case "order":
        guard let names = json.array?.compactMap(\.string), names.count == json.array?.count else {
          throw refuse("not a list of names")
        }
        order = names
      case "arrays": arrays = try EncodedArray.arrays(json, at: place)
      default: throw refuse("an unknown key, which may change what the model computes")
      }
    }
    guard Set(envelope.metadata.map(\.key)).count == envelope.metadata.count else {
      throw RNNError(
        .badData, place: "metadata \(Self.prefix)metadata", "a key of it stands beside it too",
        remedy: "write the file again")
    }
  }

  /// Puts tensors into the model's order, those that it does not name last.
  func ordered(_ tensors: [NamedTensor]) throws(RNNError) -> [NamedTensor] {
    guard let order else { return tensors }
    var places: [String: Int] = [:]
    for (place, name) in order.enumerated() {
      guard places.updateValue(place, forKey: name) == nil else {
        throw RNNError(
          .badData, place: "metadata \(Self.prefix)order", "\(name) stands twice", remedy: "write the file again")
      }
    }
    return tensors.enumerated().sorted {
      (places[$0.element.name] ?? order.count, $0.offset) < (places[$1.element.name] ?? order.count, $1.offset)
    }.map(\.element)
  }

  var entries: [StringStringEntryProto] {
    var result: [StringStringEntryProto] = []
    func add(_ key: String, _ value: String) {
      var entry = StringStringEntryProto()
      entry.key = key
      entry.value = value
      result.append(entry)
    }
    func add(_ key: String, _ json: JSONValue) { add(Self.prefix + key, json.text) }
    if let architecture = envelope.architecture { add("architecture", architecture.json) }
    if !envelope.isOrdered { add("ordered", .bool(false)) }
    if let order { add("order", .array(order.map(JSONValue.string))) }
    if !envelope.cases.isEmpty { add("cases", envelope.casesJSON) }
    if !arrays.isEmpty { add("arrays", .array(arrays.map(EncodedArray.json))) }
    if envelope.metadata.allSatisfy({ $0.value.string != nil && !$0.key.hasPrefix(Self.prefix) }) {
      for member in envelope.metadata { add(member.key, member.value.string ?? "") }
    } else {
      add("metadata", .object(envelope.metadata))
    }
    return result
  }
}
