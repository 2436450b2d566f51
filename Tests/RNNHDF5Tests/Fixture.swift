import Foundation
import RNNFormats
import RNNHDF5
import RNNModel
import Testing

/// The folder of this file.
let testFolder = String(#filePath.dropLast("/Fixture.swift".utf8.count))
let packageFolder = testFolder + "/../.."

func fixture(_ name: String) -> String { "\(testFolder)/Fixtures/\(name).h5" }

func fixtureTree(_ name: String) throws -> HDF5Tree { try HDF5File().readTree(fixture(name)) }

extension HDF5Tree {
  func dataset(_ path: String) throws -> Dataset {
    guard case .dataset(let dataset) = root[path] else { throw Missing(path: path) }
    return dataset
  }

  func strings(_ path: String) throws -> Strings {
    guard case .strings(let strings) = root[path] else { throw Missing(path: path) }
    return strings
  }

  /// Reasons by path.
  var reasons: [String: String] {
    Dictionary(unreadable.map { ($0.path, $0.reason) }, uniquingKeysWith: { $0 + "; " + $1 })
  }

  struct Missing: Error { var path: String }
}

extension Tensor {
  var bytes: [UInt8] { withUnsafeBytes { Array($0) } }

  func elements<Value>(as type: Value.Type) -> [Value] {
    withUnsafeBytes { bytes in
      (0..<count).map { bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Value>.size, as: type) }
    }
  }
}

/// A folder that goes with the value.
final class TemporaryFolder {
  let path: String

  init() throws {
    var template = Array("/tmp/rnnkit-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw HDF5Tree.Missing(path: "/tmp") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func callAsFunction(_ name: String) -> String { path + "/" + name }
}

func readBytes(_ path: String) throws -> [UInt8] {
  try InputFile(path).withUnsafeBytes { Array($0) }
}

func writeBytes(_ bytes: [UInt8], to path: String) throws {
  var file = try OutputFile(path, replacing: true)
  try file.write(bytes)
  try file.commit()
}
