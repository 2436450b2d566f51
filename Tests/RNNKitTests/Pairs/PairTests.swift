import Foundation
import RNNFormats
import RNNKit
import Testing

/// Every container that is read against every one that is written.
@Suite struct PairTests {
  /// What becomes of the models of one container when they are written as another.
  struct Cell {
    var same = 0
    var changed: [RoundTripChange: Int] = [:]
    var refused = 0

    var text: String {
      var parts = same > 0 ? ["\(same)"] : []
      parts += RoundTripChange.allCases.compactMap { change in changed[change].map { "\($0) \(change.rawValue)" } }
      if refused > 0 { parts.append("\(refused) refused") }
      return parts.joined(separator: ", ")
    }
  }

  struct Row {
    var container: String
    var cells: [Cell] = []
    /// Models refused, by writer and reason.
    var reasons: [[String: Int]] = []
    var problems: [String] = []
  }

  /// What a container keeps is everything, or the parameters alone.
  static let holdsParametersAlone: Set<String> = ["Keras .keras", "Keras .h5", "RTNeural", "AIDA-X"]

  private static func row(_ container: String, _ models: [PairSources.Named]) -> Row {
    var row = Row(container: container)
    for writer in PairSources.writers {
      var cell = Cell()
      var reasons: [String: Int] = [:]
      for (name, model) in models {
        let place = "\(container), \(name), \(writer.name)"
        let file: InputFile
        do throws(RNNError) { file = try PairSources.write(model, as: writer.format) } catch {
          cell.refused += 1
          // Without the numbers of one model, and the rest of a sentence that is about it.
          let reason = error.problem.description.prefix { $0 != "(" && $0 != ";" }.trimmingCharacters(in: .whitespaces)
          reasons[reason, default: 0] += 1
          if error.kind != .badData { row.problems.append("\(place): \(error)") }
          continue
        }
        do {
          let after = try PairSources.read(file)
          let changes = try RoundTripChange.between(model, after)
          if changes.isEmpty { cell.same += 1 }
          for change in changes { cell.changed[change, default: 0] += 1 }
          row.problems += problems(model, after, changes, writer).map { "\(place): \($0)" }
        } catch {
          row.problems.append("\(place): \(error)")
        }
      }
      row.cells.append(cell)
      row.reasons.append(reasons)
    }
    return row
  }

  /// What is wrong beside the parameters.
  private static func problems(
    _ before: Model, _ after: Model, _ changes: Set<RoundTripChange>, _ writer: (name: String, format: any ModelFormat)
  ) -> [String] {
    var problems: [String] = []
    let notes = writer.format.notes(writing: before).map(\.description)
    let words: [RoundTripChange: [String]] = [
      .summed: ["added up"], .retyped: ["widened to float32", "as float32"], .filled: ["biases of zero"],
    ]
    for change in changes where !notes.contains(where: { note in words[change]?.contains { note.contains($0) } == true }) {
      problems.append("\(change.rawValue), which is not said: \(notes)")
    }
    if holdsParametersAlone.contains(writer.name) {
      if before.archive.cases.count > after.archive.cases.count && !notes.contains(where: { $0.hasPrefix("reference cases") }) {
        problems.append("cases are left out, which is not said")
      }
      if !before.carried.isEmpty && !notes.contains(where: { $0.contains("no part of") }) {
        problems.append("tensors are left out, which is not said")
      }
      if !["RTNeural", "AIDA-X"].contains(writer.name) {
        if !after.architecture.batchFirst { problems.append("no longer batch first, as Keras always is") }
        let (modules, others) = (before.architecture.modules.map(kerasWords), after.architecture.modules.map(kerasWords))
        if modules != others { problems.append("\(modules) are now \(others)") }
      }
      return problems
    }
    let (first, second) = (before.archive, after.archive)
    if first.architecture != second.architecture { problems.append("another architecture") }
    if first.metadata != second.metadata { problems.append("other metadata") }
    if first.isOrdered != second.isOrdered { problems.append("another order") }
    if !same(first.tensors, second.tensors) { problems.append("other tensors") }
    if first.cases.map(\.name) != second.cases.map(\.name) { problems.append("other cases") }
    for (one, other) in zip(first.cases, second.cases)
    where one.metadata != other.metadata || !same(one.members, other.members) {
      problems.append("another case \(one.name)")
    }
    return problems
  }

  /// A module without what Keras does not tell: that a cell is called step by step, and which index is padding.
  private static func kerasWords(_ module: Module) -> String {
    let text = module.description.replacingOccurrences(of: "Cell(", with: "(")
    return text.replacingOccurrences(of: ", padding_idx=0", with: "")
  }

  private static func same(_ first: [NamedTensor], _ second: [NamedTensor]) -> Bool {
    first.map(\.name) == second.map(\.name) && zip(first, second).allSatisfy { $0.tensor.isIdentical(to: $1.tensor) }
  }

  @Test func everyPairIsAsDocumented() async throws {
    #expect(PairSources.samples.count >= 80)
    var sources: [(String, @Sendable () throws -> [PairSources.Named])] = PairSources.writers.map { writer in
      (writer.name, {
        let files = PairSources.samples.map { ($0.name, try? PairSources.write($0.model, as: writer.format)) }
        return try files.compactMap { name, file in try file.map { (name, try PairSources.read($0)) } }
      })
    }
    for (container, folder, files) in PairSources.others {
      let folder = PairSources.root.appendingPathComponent(folder)
      sources.append((container, {
        try files.map { file in
          let path = folder.appendingPathComponent(file).path
          // One has a Masking layer and two a forward() of their own, and the pairs are of parameters.
          let options = ModelOptions(ignoring: [.masks, .forward])
          return (file, try ModelFile.open(path, options: options, registry: PairSources.registry).model)
        }
      }))
    }
    let rows = try await withThrowingTaskGroup(of: (Int, Row).self) { group in
      for (index, (container, models)) in sources.enumerated() {
        group.addTask { (index, Self.row(container, try models())) }
      }
      return try await group.reduce(into: [(Int, Row)]()) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
    }
    for problem in rows.flatMap(\.problems) { Issue.record("\(problem)") }

    let document = PairDocument(rows).text
    let path = PairSources.root.appendingPathComponent("Schemas/pairs.md")
    if ProcessInfo.processInfo.environment["RNNKIT_WRITE_PAIRS"] != nil {
      try Data(document.utf8).write(to: path)
    } else {
      let committed = try String(contentsOf: path, encoding: .utf8)
      #expect(document == committed, "Schemas/pairs.md is out of date: look at the difference after 'make pairs'")
    }
  }
}
