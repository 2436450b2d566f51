import Foundation
import Testing

/// What the documents promise has its number in the code and its test in the tests.
@Suite struct PromisesTests {
  private static func text(_ path: String) throws -> String {
    try String(contentsOf: Python.root.appendingPathComponent(path), encoding: .utf8)
  }

  /// The sources and fixtures of the tests.
  private static let tests: [String] = {
    let folder = Python.root.appendingPathComponent("Tests")
    let names = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
    return names.filter { $0.hasSuffix(".swift") || $0.hasSuffix("expected.txt") }.compactMap {
      try? String(contentsOf: folder.appendingPathComponent($0), encoding: .utf8)
    }
  }()

  /// Whether there is a test of that name, `Suite.function`.
  private static func exists(_ name: Substring) -> Bool {
    let parts = name.split(separator: ".")
    return parts.count == 2 && tests.contains { $0.contains("struct \(parts[0])") && $0.contains("func \(parts[1])(") }
  }

  /// The cells of a Markdown table's rows that begin with `start`.
  private static func rows(_ text: Substring, startingWith start: String) -> [[Substring]] {
    text.split(separator: "\n").filter { $0.hasPrefix("| \(start)") }.map { line in
      line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast().map { cell in
        var cell = cell
        if cell.first == " " { cell.removeFirst() }
        if cell.last == " " { cell.removeLast() }
        return cell
      }
    }
  }

  private static func code(_ cell: Substring) -> [Substring] {
    cell.split(separator: "`", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
  }

  @Test func everyLimitIsInTheTable() throws {
    let source = try Self.text("Sources/RNNModel/Limits.swift")
    var limits: [(name: Substring, value: Int)] = []
    for match in source.matches(of: /public static let (\w+) = ([0-9_]+)(?: << ([0-9]+))?\n/) {
      let number = try #require(Int(match.2.replacing("_", with: "")))
      limits.append((match.1, number << (match.3.flatMap { Int($0) } ?? 0)))
    }
    try #require(limits.count == source.components(separatedBy: "public static let").count - 1)
    let rows = Self.rows(try Self.text("Schemas/limits.md")[...], startingWith: "`")
    #expect(rows.map { Self.code($0[0]) } == limits.map { [$0.name] })
    #expect(rows.map { Int($0[1].replacing(",", with: "")) } == limits.map { $0.value })
    for row in rows {
      let message = Self.code(row[3]).first ?? ""
      let isTested = message.isEmpty || Self.tests.contains { $0.contains(message) }
      #expect(isTested, "no test has the message: \(message)")
      #expect(Self.code(row[4]).count == 1 && Self.code(row[4]).allSatisfy(Self.exists), "no such test: \(row[4])")
    }
  }

  @Test func everyPromiseHasItsTest() throws {
    let readme = try Self.text("README.md")
    let start = try #require(readme.range(of: "\n## Safety\n"))
    let end = readme.range(of: "\n## ", range: start.upperBound..<readme.endIndex)?.lowerBound ?? readme.endIndex
    let rows = Self.rows(readme[start.upperBound..<end], startingWith: "").filter { $0 != ["promise", "test"] }
    try #require(rows.count > 5)
    for row in rows {
      #expect(row.count == 2 && !Self.code(row[1]).isEmpty, "\(row[0])")
      for name in Self.code(row[1]) { #expect(Self.exists(name), "no such test: \(name)") }
    }
  }

  /// Every path in backquotes that looks like one of the package's, and every link to a file.
  @Test(arguments: ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
  func everyFileThatIsNamedIsThere(page: String) throws {
    let text = try Self.text(page)
    var paths = text.matches(of: /`((?:Sources|Tests|Schemas|Bindings|Benchmarks|Examples|SampleModels)\/[^` ]*)`/).map { String($0.1) }
    paths += text.matches(of: /\]\(([^)#\s]+)(?:#[^)]*)?\)/).map { String($0.1) }.filter { !$0.contains("://") }
    #expect(!paths.isEmpty)
    for path in paths {
      #expect(FileManager.default.fileExists(atPath: Python.root.appendingPathComponent(path).path), "\(page) names \(path)")
    }
  }
}
