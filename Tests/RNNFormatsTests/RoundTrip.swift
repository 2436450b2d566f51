import Glibc
import RNNFormats
import RNNModel
import Testing

/// Writes a model as `format` and returns the file's bytes.
func written(_ archive: TensorArchive, as format: any ModelFormat) throws -> [UInt8] {
  let model = try Interpretation(archive).model
  let folder = try TemporaryFolder(), path = folder("model")
  defer { withExtendedLifetime(folder) {} }
  var output = try OutputFile(path, replacing: false)
  try format.write(model, to: &output)
  try output.commit()
  return try InputFile(path).withUnsafeBytes { Array($0) }
}

/// Writes a model as `format` and reads it again, recognised by content.
func roundTrip(_ archive: TensorArchive, through format: any ModelFormat) throws -> TensorArchive {
  let file = InputFile(try written(archive, as: format), name: "model")
  #expect(try FormatRegistry.standard.format(of: file).name == format.name)
  return try format.read(file)
}

/// Records where two archives differ.
func expectSame(_ first: TensorArchive, _ second: TensorArchive, sourceLocation: SourceLocation = #_sourceLocation) {
  func compare(_ first: [NamedTensor], _ second: [NamedTensor], _ what: String) {
    #expect(first.map(\.name) == second.map(\.name), "\(what)", sourceLocation: sourceLocation)
    for (first, second) in zip(first, second) {
      #expect(first.tensor.isIdentical(to: second.tensor), "\(what) \(first.name)", sourceLocation: sourceLocation)
    }
  }
  compare(first.tensors, second.tensors, "tensors")
  #expect(first.isOrdered == second.isOrdered, sourceLocation: sourceLocation)
  #expect(first.architecture == second.architecture, sourceLocation: sourceLocation)
  #expect(first.metadata == second.metadata, sourceLocation: sourceLocation)
  #expect(first.cases.map(\.name) == second.cases.map(\.name), sourceLocation: sourceLocation)
  for (first, second) in zip(first.cases, second.cases) {
    compare(first.members, second.members, "case \(first.name)")
    #expect(first.metadata == second.metadata, sourceLocation: sourceLocation)
  }
}

/// Whether a path, relative to the package's folder, is there to be read.
func isReadable(_ path: String) -> Bool { access(path, R_OK) == 0 }
