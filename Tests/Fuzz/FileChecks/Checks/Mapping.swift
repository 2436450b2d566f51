import RNNFormats
import RNNKit
import RNNModel

extension FileCheck {
  /// Mapping files, applied to a file of tensors under names of their own and to one that states its architecture.
  static let mapping = FileCheck("mapping", seeds: ["mapping"]) { bytes in
    var mapping = NameMapping()
    do { try mapping.add(contentsOf: InputFile(bytes, name: "fuzz")) } catch let error as RNNError {
      try require([.badData, .usage].contains(error.kind), "the mapping fails with \(error.kind): \(error)")
      return false
    }
    mapping.allowsUnusedRules = true
    let plain = try tensors(["enc_w_ih": [8, 3], "enc_w_hh": [8, 2], "enc_b_ih": [8], "enc_b_hh": [8], "other": [1]])
    var stated = try Interpretation(
      tensors(["rnn.weight_ih_l0": [2, 3], "rnn.weight_hh_l0": [2, 2], "fc.weight": [1, 2], "fc.bias": [1]])
    ).model.archive
    stated.cases = [ReferenceCase(
      name: "first", members: stated.tensors.prefix(1) + [NamedTensor("rnn.hn", stated.tensors[0].tensor)],
      metadata: [.init("modules", .array([.string("rnn")]))])]
    for archive in [plain, stated] {
      do {
        let renamed = try mapping.apply(to: archive)
        try require(renamed.tensors.count == archive.tensors.count, "a tensor was lost")
        for (old, new) in zip(archive.tensors, renamed.tensors) {
          try require(old.tensor.isIdentical(to: new.tensor), "\(old.name) became another tensor")
        }
        _ = try checkModel(renamed, writing: [someFormat(for: bytes)])
      } catch let error as RNNError {
        try require([.badData, .usage].contains(error.kind), "applying fails with \(error.kind): \(error)")
      }
    }
    return true
  }

  /// Float32 tensors of zeros, in the order of their names.
  private static func tensors(_ shapes: [String: [Int]]) throws -> TensorArchive {
    var archive = TensorArchive()
    for (name, sizes) in shapes.sorted(by: { $0.key < $1.key }) {
      guard let shape = Shape(sizes), let tensor = Tensor(.float32, shape, fill: { _ in }) else { continue }
      try archive.append(name, tensor)
    }
    return archive
  }
}
