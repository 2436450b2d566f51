import RNNFormats
import RNNModel

/// Tensors whose bytes are in files beside the model.
///
/// ONNX names them by a path relative to the model's folder. A path that is absolute, has `..` in it, or leads out of
/// the folder through a link is refused; see `CompanionFile`.
struct ExternalData {
  /// Nil where the model is in no folder.
  private let modelPath: String?
  private var files: [String: InputFile] = [:]

  init(modelPath: String?) {
    self.modelPath = modelPath
  }

  private static let keys: Set<String> = ["location", "offset", "length", "checksum"]

  /// The tensor that `entries` describe, mapped where the alignment allows it.
  mutating func tensor(
    _ type: ElementType, _ shape: Shape, entries: [StringStringEntryProto], place: String
  ) throws(RNNError) -> Tensor {
    func refuse(_ problem: String) -> RNNError {
      RNNError(.badData, place: place, problem, remedy: "export the model again, or into one file")
    }
    var values: [String: String] = [:]
    for entry in entries {
      guard Self.keys.contains(entry.key) else { throw refuse("its external data has an unknown key \"\(entry.key)\"") }
      guard values.updateValue(entry.value, forKey: entry.key) == nil else {
        throw refuse("its external data has the key \"\(entry.key)\" twice")
      }
    }
    guard let location = values["location"] else { throw refuse("its external data has no location") }
    func number(_ key: String) throws(RNNError) -> Int? {
      guard let text = values[key] else { return nil }
      guard let value = Int(text), value >= 0 else {
        throw refuse("the \(key) of its external data is \"\(text)\", expected a whole number from 0")
      }
      return value
    }
    let offset = try number("offset") ?? 0
    let size = shape.count * type.byteCount
    if let length = try number("length"), length != size {
      throw refuse("its external data is \(length) bytes long, expected \(size) for \(type.rawValue) \(shape)")
    }
    let file = try self.file(location, place: place)
    guard let tensor = Tensor(type, shape, in: file.storage, at: offset) else {
      throw refuse(
        "its external data is at offset \(offset) of \(location), which has \(file.count) bytes, \(size) needed")
    }
    return tensor
  }

  private mutating func file(_ location: String, place: String) throws(RNNError) -> InputFile {
    if let file = files[location] { return file }
    func refuse(_ problem: String) -> RNNError {
      RNNError(.badData, place: place, problem, remedy: "keep the model's data files in its own folder")
    }
    let parts = location.split(separator: "/", omittingEmptySubsequences: false)
    guard !location.isEmpty, !location.utf8.contains(0), !parts.contains(where: { $0.isEmpty || $0 == ".." }) else {
      throw refuse("its external data is at \"\(location)\", which leads out of the model's folder")
    }
    guard let modelPath else {
      throw refuse("its external data is in \(location), but the model came through a pipe or from memory and has no folder")
    }
    do throws(RNNError) {
      let file = try CompanionFile.open(location, beside: modelPath, what: "its external data")
      files[location] = file
      return file
    } catch {
      var error = error
      error.place = place
      throw error
    }
  }
}
