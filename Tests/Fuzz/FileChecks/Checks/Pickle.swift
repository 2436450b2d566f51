import RNNFormats
import RNNModel

extension FileCheck {
  /// Whole files of torch.save; and pickles alone, put into a zip archive beside storages of all sizes that small
  /// tensors have, as a state_dict and as TorchScript.
  static let pickle = FileCheck("pickle", seeds: ["pt", "pth", "pkl"]) { bytes in
    let file = InputFile(Repair.zip(bytes), name: "fuzz")
    var isRead = false
    if TorchFormat().recognizes(file) {
      isRead = try checkModel(file, as: TorchFormat(), writing: [TorchFormat()])
    }
    guard bytes.first == 0x80 else { return isRead }
    for members in [[], [("constants.pkl", [UInt8]([0x80, 2, 0x29, 0x2E]))]] {
      let archive = try written { file in
        var writer = ZipWriter()
        try writer.add("archive/data.pkl", bytes, to: &file)
        for member in members { try writer.add("archive/\(member.0)", member.1, to: &file) }
        for (key, count) in [60, 100, 20, 20, 100, 100, 20, 20, 4, 16, 64, 256].enumerated() {
          try writer.add("archive/data/\(key)", [UInt8](repeating: UInt8(key), count: count), to: &file)
        }
        try writer.finish(&file)
      }
      let file = InputFile(archive, name: "fuzz")
      isRead = try checkModel(file, as: TorchFormat(), writing: [TorchFormat()]) || isRead
    }
    return isRead
  }
}
