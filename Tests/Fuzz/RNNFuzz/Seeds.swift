import FileChecks
import Glibc
import RNNFormats
import RNNKit
import RNNModel

/// Makes the corpora that fuzzing starts from: small files of the samples and the tests' fixtures, and the sample models
/// in every format that can be written.
struct Seeds {
  /// Larger files teach the fuzzer no more, and slow it down.
  static let largest = 1 << 14

  private let folder: String
  private var count = 0

  init(into folder: String) {
    self.folder = folder
  }

  mutating func collect(below root: String) throws {
    for check in FileCheck.all { mkdir("\(folder)/\(check.name)", 0o777) }
    // Bombs and endless files stop at the limits, which takes the time that a thousand other files take.
    let paths = Self.files(below: root + "/SampleModels") + Self.files(below: root + "/Tests")
    for path in paths where !path.contains("bomb") && !path.contains("endless") {
      guard let file = try? InputFile(path), file.count <= 8 * Self.largest else { continue }
      try add(file.withUnsafeBytes { Array($0) }, Self.fileExtension(of: path))
      if path.hasSuffix(".rnn") { try addConverted(file) }
      if path.hasSuffix(".h5"), getenv("RNNKIT_HDF5") != nil, let tree = try? HDF5Process().readTree(file) {
        try add(written { try TreeMessage().write(tree, to: &$0) }, "tree")
      }
      if path.hasSuffix(".pt"), let zip = try? ZipArchive(file.storage, acceptsMissingChecksums: true) {
        for entry in zip.entries where entry.name.hasSuffix("/data.pkl") {
          try add(zip.bytes(of: entry).withUnsafeBytes { Array($0) }, "pkl")
        }
        for entry in zip.entries where entry.name.contains("/code/") && entry.name.hasSuffix(".py") {
          try add(zip.bytes(of: entry).withUnsafeBytes { Array($0) }, "script")
        }
      }
    }
    for text in [
      #"{"rename": {"enc_w_ih": "gru.weight_ih_l0", "enc_w_hh": "gru.weight_hh_l0", "other": "x"}}"#,
      #"{"rename": {"enc_*_ih": "lstm.*_ih_l0", "enc_*": "lstm.weight_*_l0", "rnn.*": "other.*", "fc.*": "*"}}"#,
      #"{"rename": {"enc_w_*": "weight_*_l0", "enc_b_*": "bias_*_l0", "*": "a.*", "rnn.weight_ih_l0": "é"}}"#,
    ] { try add(Array(text.utf8), "mapping") }
  }

  /// Adds a model in every other format.
  private mutating func addConverted(_ file: InputFile) throws {
    guard let archive = try? NativeFormat().read(file), let model = try? Interpretation(archive).model else { return }
    for format in everyFormat {
      guard let bytes = try? written({ try format.write(model, to: &$0) }) else { continue }
      try add(bytes, ["hdf5", "keras-h5"].contains(format.name) ? "tree" : format.fileExtensions[0])
    }
  }

  private mutating func add(_ bytes: [UInt8], _ fileExtension: String) throws {
    guard bytes.count <= Self.largest else { return }
    count += 1
    for check in FileCheck.all {
      let suffix = fileExtension.hasSuffix("json") ? "json" : fileExtension
      guard check.seedExtensions.contains(suffix) else { continue }
      let file = open("\(folder)/\(check.name)/\(count).\(suffix)", O_WRONLY | O_CREAT | O_TRUNC, 0o666)
      defer { close(file) }
      guard file >= 0, write(file, bytes, bytes.count) == bytes.count else { throw Broken("no seed can be written") }
    }
  }

  private static func fileExtension(of path: String) -> String {
    path.lastIndex(of: ".").map { String(path[path.index(after: $0)...]) } ?? ""
  }

  /// The paths of the files below a folder, in order of their names.
  private static func files(below folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var result: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard !name.hasPrefix(".") else { continue }
      let path = folder + "/" + name
      result += entry.pointee.d_type == UInt8(DT_DIR) ? files(below: path) : [path]
    }
    return result.sorted()
  }
}
