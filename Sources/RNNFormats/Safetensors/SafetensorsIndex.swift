import RNNModel

/// The index of a model in several safetensors files: `{"metadata": {…}, "weight_map": {"<tensor>": "<file>", …}}`.
///
/// Source: huggingface_hub/serialization. Files lie beside the index; no other folder is
/// ever opened but the one that Hugging Face's cache has them in.
struct SafetensorsIndex {
  /// Nil where the index is in no folder.
  private let path: String?
  private let isPiped: Bool
  private let metadata: [JSONValue.Member]
  /// The file of each tensor.
  private let files: [String: String]
  private static let remedy = "write the model again"

  /// Whether a file is an index. Its first tensor's file is named early.
  static func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard JSONParser.firstByte(bytes) == UInt8(ascii: "{") else { return false }
    let start = UnsafeRawBufferPointer(rebasing: bytes.prefix(1 << 20))
    return contains(start, #""weight_map""#) && contains(start, #".safetensors""#)
  }

  private static func contains(_ bytes: UnsafeRawBufferPointer, _ text: String) -> Bool {
    let text = Array(text.utf8)
    var rest = bytes[...]
    while let start = rest.firstIndex(of: text[0]) {
      rest = rest[start...]
      if rest.starts(with: text) { return true }
      rest = rest.dropFirst()
    }
    return false
  }

  init(_ file: InputFile) throws(RNNError) {
    (path, isPiped) = (file.pathOfCompanions, file.path == "-")
    guard file.count <= Limits.maximumSafetensorsHeaderSize else {
      throw RNNError(.badData, "an index of \(file.count) bytes, more than the limit of "
        + "\(Limits.maximumSafetensorsHeaderSize)", remedy: Self.remedy)
    }
    let json = try file.withUnsafeBytes { (bytes) throws(RNNError) in try JSONValue(parsing: bytes) }
    guard let map = json["weight_map"]?.members else {
      throw RNNError(.badData, place: "weight_map", "not a JSON object", remedy: Self.remedy)
    }
    var files: [String: String] = [:]
    for member in map {
      guard let name = member.value.string, Self.isPlain(name) else {
        throw RNNError(.badData, place: "weight_map.\(member.key)",
          "\(member.value.text), expected the name of a file beside the index", remedy: "put the files in one folder")
      }
      files[member.key] = name
    }
    self.files = files
    metadata = json["metadata"]?.members ?? []
  }

  private static func isPlain(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && name != "-"
      && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") || $0 < 0x20 }
  }

  /// The tensors of all files, the files in the order of their names, which count them.
  func archive() throws(RNNError) -> TensorArchive {
    guard let path else {
      throw RNNError(.usage, "an index \(isPiped ? "on standard input" : "in memory") does not tell where its files are",
        remedy: "name the index's path")
    }
    var arrays: [NamedTensor] = []
    var metadata: [(key: String, value: String)] = []
    var isOrdered = false
    for name in Set(files.values).sorted() {
      let file = try CompanionFile.open(name, beside: path, what: "a file of the model")
      do throws(RNNError) {
        let (found, header) = try SafetensorsFormat.arrays(of: file)
        for array in found where files[array.name] != name {
          throw RNNError(.badData, place: "tensor \(array.name)",
            files[array.name].map { "it is here, expected in \($0)" } ?? "it is not in the index", remedy: Self.remedy)
        }
        for (key, value) in header.metadata {
          if let other = metadata.first(where: { $0.key == key }) {
            guard other.value != value else { continue }
            guard !key.hasPrefix(SafetensorsFormat.prefix) else {
              throw RNNError(.badData, place: "\(SafetensorsHeader.metadataKey).\(key)",
                "another file of the model has another value", remedy: Self.remedy)
            }
            // Where files disagree, both are kept.
            metadata.append(("\(name)/\(key)", value))
          } else {
            metadata.append((key, value))
          }
        }
        isOrdered = isOrdered || !header.isSortedByName
        arrays += found
      } catch {
        throw error.inFile(file.path)
      }
    }
    guard arrays.count == files.count else {
      let missing = Set(files.keys).subtracting(arrays.map(\.name)).sorted().first ?? ""
      throw RNNError(.badData, place: "tensor \(missing)",
        "it is not in \(files[missing] ?? ""), where the index has it", remedy: Self.remedy)
    }
    var archive = try SafetensorsFormat.archive(of: arrays, metadata: metadata, isOrdered: isOrdered)
    // The total size is the writer's to count.
    for member in self.metadata where member.key != "total_size" {
      if let other = archive.metadata.first(where: { $0.key == member.key }) {
        guard other.value != member.value else { continue }
        archive.metadata.append(.init("index/\(member.key)", member.value))
      } else {
        archive.metadata.append(member)
      }
    }
    return archive
  }
}
