import FileChecks
import RNNFormats
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Files that once broke a check of `FileChecks`, and those that fuzzing starts from.
@Suite struct RegressionTests {
  private static let folder: String = {
    let source = #filePath
    return source[..<(source.lastIndex(of: "/") ?? source.startIndex)] + "/Regressions"
  }()

  /// `<check>/<file>` of every regression file.
  private static let files: [String] = FileCheck.all.flatMap { check in
    names(in: "\(folder)/\(check.name)").map { "\(check.name)/\($0)" }
  }

  private static func names(in folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var result: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { result.append(name) }
    }
    return result.sorted()
  }

  @Test(arguments: files)
  func whatFuzzingFoundHoldsNow(_ name: String) throws {
    let check = try #require(FileCheck.all.first { name.hasPrefix($0.name + "/") })
    _ = try check.accepts(InputFile("\(Self.folder)/\(name)").withUnsafeBytes { Array($0) })
  }

  @Test func everyFolderIsOfACheck() {
    #expect(Set(Self.names(in: Self.folder)).isSubset(of: Set(FileCheck.all.map(\.name))))
    #expect(!Self.files.isEmpty)
  }
}
