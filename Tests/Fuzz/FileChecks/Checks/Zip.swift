import RNNFormats
import RNNModel

extension FileCheck {
  /// Zip archives by themselves, and as whatever model they hold.
  static let zipArchive = FileCheck("zip", seeds: ["npz", "pt", "keras", "zip"]) { bytes in
    let file = InputFile(Repair.zip(bytes), name: "fuzz")
    guard let archive = try accepted("the directory", { try ZipArchive(file.storage, acceptsMissingChecksums: true) })
    else { return false }
    var members: [(name: String, bytes: [UInt8])] = []
    var room = 1 << 20
    for entry in archive.entries where entry.count <= room {
      room -= entry.count
      if let member = try accepted("a member", { try archive.bytes(of: entry) }) {
        try require(member.count == entry.count, "a member has another size than the directory says")
        members.append((entry.name, member.withUnsafeBytes { Array($0) }))
      }
    }
    let rewritten = try certain("an archive of the same members") {
      try written { file in
        var writer = ZipWriter()
        for member in members { try writer.add(member.name, member.bytes, to: &file) }
        try writer.finish(&file)
      }
    }
    try certain("the archive written") {
      let again = try ZipArchive(InputFile(rewritten, name: "written").storage)
      try require(again.entries.map(\.name) == members.map(\.name), "the archive written has other members")
      for (entry, member) in zip(again.entries, members) {
        try require(try again.bytes(of: entry).withUnsafeBytes { Array($0) } == member.bytes, "a member differs")
      }
    }
    let formats: [any ModelFormat] = [NPZFormat(), TorchFormat(), KerasFormat(TreeMessage())]
    for format in formats where format.recognizes(file) { _ = try checkModel(file, as: format, writing: [format]) }
    return true
  }
}
