/// What Sequentials of a file do between their modules with tensors, and after the last of them.
struct SequentialCalls: Sendable, Hashable {
  private struct Entry: Sendable, Hashable {
    var functions: [Function]
    var next: String?
  }

  private var entries: [String: Entry] = [:]
  private var firsts: Set<String> = []

  /// - Parameter calls: What calls of modules without tensors of their own do, by name; see `TensorArchive.Hints`.
  init(_ calls: [String: ModuleCall], modules: [Module]) {
    let names = Set(modules.map(\.name))
    for case (let owner, .sequence(let parts)) in calls where !Self.isInside(owner, calls) {
      var before: String?
      var functions: [Function]? = []
      func end(_ next: String?) {
        if let before, let functions { entries[before] = Entry(functions: functions, next: next) }
        if before == nil, let next, functions == [] { firsts.insert(next) }
      }
      func walk(_ parts: [String], depth: Int) {
        guard depth < Limits.maximumDepth else { return functions = nil }
        for part in parts {
          if names.contains(part) {
            end(part)
            (before, functions) = (part, [])
            continue
          }
          switch calls[part] {
          case .activation(let activation)?: functions?.append(.elementwise(activation))
          case .softmax(let isLog, -1)?: functions?.append(isLog ? .logSoftmax : .softmax)
          case .nothing?: break
          case .sequence(let inner)?: walk(inner, depth: depth + 1)
          case .softmax?, nil: functions = nil
          }
        }
      }
      walk(parts, depth: 0)
      end(nil)
    }
  }

  private static func isInside(_ name: String, _ calls: [String: ModuleCall]) -> Bool {
    let parent = name.lastIndex(of: ".").map { String(name[..<$0]) } ?? ""
    guard !name.isEmpty, case .sequence? = calls[parent] else { return false }
    return true
  }

  /// What is applied to what a module gives.
  func functions(after module: String) -> [Function] { entries[module]?.functions ?? [] }

  /// Whether a module takes what another one's result becomes, and nothing is open between them.
  func tells(_ first: String, _ second: String) -> Bool { entries[first]?.next == second }

  /// Whether nothing is open before a module in its Sequential.
  func tellsBefore(_ module: String) -> Bool { firsts.contains(module) || entries.values.contains { $0.next == module } }
}
