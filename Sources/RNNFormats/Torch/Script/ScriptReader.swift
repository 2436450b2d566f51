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
    /// The modules that are called.
    var modules: Set<String>
    var notes: [Phrase]
  }

  /// What the code computes, or why that is not known.
  enum Result {
    case line(Line)
    case problem(place: String, String)
  }

  func read() -> Result {
    // What the input's axes are is found by trying: the one way of which nothing is misplaced.
    var problem: (place: String, text: String, work: Int)?
    for batchFirst in layouts {
      var roles: [Int: ScriptInput] = [:]
      attempts: for _ in 0..<32 {
        var interpreter = ScriptInterpreter(self, batchFirst: batchFirst, roles: roles)
        do throws(ScriptStop) {
          let line = try interpreter.line()
          return .line(
            Line(text: line, batchFirst: interpreter.hasLayout ? batchFirst : nil, kinds: interpreter.kinds,
              modules: interpreter.graph.moduleNames, notes: interpreter.notes))
        } catch {
          switch error {
          case .needs(let input, let role) where roles[input] == nil: roles[input] = role
          case .needs:
            problem = problem ?? (interpreter.place, "an input that is used as two different things", 0)
            break attempts
          case .problem(let place, let text):
            if interpreter.work > problem?.work ?? -1 { problem = (place, text, interpreter.work) }
            break attempts
          }
        }
      }
    }
    return .problem(place: problem?.place ?? "code", problem?.text ?? "nothing that could be read")
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
