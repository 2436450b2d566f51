import RNNModel

/// Translates the `forward()` of an archive's module into a forward line.
struct ScriptReader {
  let objects: TorchObjects
  let library: ScriptLibrary
  /// Where each module stands, by its node.
  let paths: [Int: String]
  let archive: TensorArchive
  /// The numbers of a constant of the code; nil where they are none that a line can hold.
  let constants: (Int) -> [Double]?

  struct Line {
    var text: String
    /// The layout of what goes in, where the code tells it.
    var batchFirst: Bool?
    var kinds: [String: TensorArchive.Hints.Kind]
    var declarations: [String: ModuleDeclaration]
    /// The modules that are called.
    var modules: Set<String>
    var notes: [Phrase]
  }

  /// What the code computes, or why that is not known.
  enum Result {
    case line(Line)
    case problem(place: String, String)
  }

  private struct Problem {
    var place: String
    var text: String
    var work: Int
    var misfit: Int?
  }

  private enum Outcome {
    case line(Line)
    case problem(Problem)
    case searches(Int)
  }

  /// What all attempts have cost together.
  private final class Effort {
    var work = 0
    var isSpent: Bool { work > 8 * Limits.maximumCodeWork }
  }

  /// One way of what the inputs' axes are.
  private struct Attempt {
    var batchFirst: Bool
    var form: ScriptForm
    var carriesUnknown: Bool
    var roles: [Int: ScriptInput] = [:]
    var sizes: [Int: ScriptSizes] = [:]
    /// Inputs whose features were looked for.
    var searched: Set<Int> = []
    let effort: Effort
  }

  func read() -> Result {
    // What the input's axes are is found by trying: the one way of which nothing is misplaced.
    var problem: Problem?
    let effort = Effort()
    for carriesUnknown in [false, true] {
      for form in carriesUnknown ? [.rows] : ScriptForm.allCases {
        for batchFirst in layouts {
          var attempt = Attempt(batchFirst: batchFirst, form: form, carriesUnknown: carriesUnknown, effort: effort)
          switch searched(&attempt) {
          case .line(var line):
            if carriesUnknown, let problem { line.notes.append("the file's forward() is followed in part alone, which says at \(problem.place): \(problem.text)") }
            return .line(line)
          case .problem(let found): if found.work > problem?.work ?? -1 { problem = found }
          case .searches: break
          }
        }
      }
    }
    return .problem(place: problem?.place ?? "code", problem?.text ?? "nothing that could be read")
  }

  /// Follows the code, and tries how many positions an input has where that must be known: the numbers that go through it never
  /// become fewer where there are more of them.
  private func searched(_ attempt: inout Attempt) -> Outcome {
    var outcome = followed(&attempt)
    var searches = 0
    while case .searches(let input) = outcome, searches < 2 {
      searches += 1
      func tried(_ count: Int) -> (outcome: Outcome, attempt: Attempt) {
        var other = attempt
        other.sizes[input, default: ScriptSizes()].positions = count
        other.searched.insert(input)
        let outcome = followed(&other)
        return (outcome, other)
      }
      func misfit(_ count: Int) -> Int? {
        if case .problem(let problem) = tried(count).outcome { problem.misfit } else { 0 }
      }
      /// The least count for which something holds that holds for all larger ones.
      func least(_ holds: (Int) -> Bool) -> Int {
        var (low, high) = (1, Self.mostPositions + 1)
        while low < high {
          let middle = (low + high) / 2
          if holds(middle) { high = middle } else { low = middle + 1 }
        }
        return low
      }
      let first = least { misfit($0) != -1 }, end = least { misfit($0) == 1 }
      guard first < end, end <= Self.mostPositions else {
        let (other, _) = tried(min(first, Self.mostPositions))
        if case .problem(let problem) = other { return .problem(Problem(place: problem.place, text: problem.text, work: problem.work)) }
        var interpreter = "code"
        if case .problem(let problem) = tried(1).outcome { interpreter = problem.place }
        return .problem(Problem(place: interpreter, text: "how many features an input has is not told by what it goes to", work: 0))
      }
      // What an input has is more often divisible than not, or one more than a power of two, as spectra are.
      func likeliness(_ count: Int) -> Int { count > 64 && (count - 1).nonzeroBitCount == 1 ? 64 : count.trailingZeroBitCount }
      let best = (first..<end).max { likeliness($0) < likeliness($1) } ?? first
      (outcome, attempt) = tried(best)
      if case .line(var line) = outcome, end - first > 1 {
        line.notes.append(
          "an input of \(first) to \(end - 1) features fits the file's forward(), of which \(best) are taken (the file does not say; \(.forward))")
        outcome = .line(line)
      }
    }
    return outcome
  }

  private static let mostPositions = 1 << 12

  private func followed(_ attempt: inout Attempt) -> Outcome {
    for _ in 0..<32 where !attempt.effort.isSpent {
      var interpreter = ScriptInterpreter(
        self, batchFirst: attempt.batchFirst, form: attempt.form, roles: attempt.roles, sizes: attempt.sizes, needsFeatures: attempt.searched,
        carriesUnknown: attempt.carriesUnknown)
      func problem(_ text: String) -> Outcome { .problem(Problem(place: interpreter.place, text: text, work: 0)) }
      defer { attempt.effort.work += interpreter.work }
      do throws(ScriptStop) {
        let line = try interpreter.line()
        return .line(
          Line(text: line, batchFirst: interpreter.hasLayout ? attempt.batchFirst : nil, kinds: interpreter.kinds,
            declarations: interpreter.declarations, modules: interpreter.graph.moduleNames, notes: interpreter.notes))
      } catch {
        switch error {
        case .needs(let input, let role):
          guard attempt.roles[input] == nil else { return problem("an input that is used as two different things") }
          attempt.roles[input] = role
        case .learns(let input, let size):
          guard attempt.sizes[input, default: ScriptSizes()].learn(size) else { return problem("an input of two sizes") }
        case .searches(let input): return .searches(input)
        case .problem(let place, let text):
          return .problem(Problem(place: place, text: text, work: interpreter.work, misfit: interpreter.misfit))
        }
      }
    }
    return .problem(Problem(place: "code", text: "an input that is used as too many things", work: 0))
  }

  /// What the modules say first.
  private var layouts: [Bool] { archive.hints.batchFirst == false ? [false, true] : [true, false] }

  /// Names that a line must not use for something else: the first parts of those of modules and tensors.
  var takenNames: Set<String> {
    var result = Set<String>()
    for path in paths.values { result.insert(path.split(separator: ".").first.map(String.init) ?? path) }
    for tensor in archive.tensors { result.insert(tensor.name.split(separator: ".").first.map(String.init) ?? "") }
    return result
  }
}
