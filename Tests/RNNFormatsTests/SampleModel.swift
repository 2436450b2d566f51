import RNNFormats
import RNNModel

/// A small model with everything that an archive can hold beside its parameters.
enum SampleModel {
  static func model(_ type: ElementType = .bfloat16, extras: Bool = true) throws -> Model {
    var archive = TensorArchive()
    let rnn = Recurrent(name: "rnn", cell: .rnn, inputSize: 1, hiddenSize: 2)
    let architecture = Architecture(modules: [.recurrent(rnn)], batchFirst: true)
    if extras { try archive.append("steps", try makeTensor([7] as [Int64], [])) }
    if extras { try archive.append("mask", try makeTensor(.bool, [3], bytes: [1, 0, 1])) }
    for (index, (name, shape)) in Model.parameters(of: .recurrent(rnn)).enumerated() {
      let count = shape.reduce(type.byteCount, *)
      try archive.append(name, try makeTensor(type, shape, bytes: (0..<count).map { UInt8(16 * index + $0) }))
    }
    if extras {
      try archive.append("größe/1", try makeTensor(.float8_e4m3fn, [2, 0], bytes: []))
      try archive.append("scale", try makeTensor(.float8_e5m2, [1], bytes: [0x3C]))
      try archive.append("table", try makeTensor([1, 2] as [Double], [2]))
      archive.metadata = [
        .init("format", .string("pt")), .init("epochs", .integer(3)), .init("note \"1\"", .array([.null])),
      ]
      archive.cases = [
        ReferenceCase(
          name: "first", members: [
            NamedTensor("input", try makeTensor([0.5, 1] as [Float], [1, 2, 1])),
            NamedTensor("rnn.hn", try makeTensor([0.5, 1] as [Float], [1, 1, 2])),
          ], metadata: [.init("framework", .string("torch 2.15.0"))]),
        ReferenceCase(name: "empty", members: []),
      ]
    }
    return try Model(archive, architecture: architecture)
  }

  static func native(_ model: Model) throws -> [UInt8] {
    try written { try NativeFormat().write(model, to: &$0) }
  }

  static func native(_ archive: TensorArchive) throws -> [UInt8] {
    guard let architecture = archive.architecture else { throw NoTensor() }
    return try native(try Model(archive, architecture: architecture))
  }
}
