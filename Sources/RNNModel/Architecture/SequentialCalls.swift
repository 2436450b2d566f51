/// What Sequentials of a file do between their modules with tensors, and after the last of them.
struct SequentialCalls: Sendable, Hashable {
  private struct Entry: Sendable, Hashable {
    var operations: [Forward.Operation]
    var next: String?
  }

  private var entries: [String: Entry] = [:]
  private var firsts: Set<String> = []
  /// Modules after which something stands that no forward has.
  private var open: Set<String> = []
  /// Pools that no Sequential calls.
  private(set) var alone: [String] = []

  /// - Parameter calls: What calls of modules without tensors of their own do, by name; see `TensorArchive.Hints`.
  init(_ calls: [String: ModuleCall], modules: [Module]) {
    let names = Set(modules.map(\.name))
    for case (let owner, .sequence(let parts)) in calls where !Self.isInside(owner, calls) {
      var before: String?
      var operations: [Forward.Operation]? = []
      func end(_ next: String?) {
        if let before {
          if let operations { entries[before] = Entry(operations: operations, next: next) } else { open.insert(before) }
        } else if let next, operations == [] {
          firsts.insert(next)
        }
      }
      func walk(_ parts: [String], depth: Int) {
        guard depth < Limits.maximumDepth else {
          operations = nil
          return
        }
        for part in parts {
          if names.contains(part) {
            end(part)
            (before, operations) = (part, [])
            continue
          }
          switch calls[part] {
          case .activation(let activation)?: operations?.append(.activation(.elementwise(activation)))
          case .softmax(let isLog, -1)?: operations?.append(.activation(isLog ? .logSoftmax : .softmax))
          case .window(let function, let window)?: operations?.append(.window(function, window))
          case .overTime(let function)?: operations?.append(.overTime(function))
          case .nothing?: break
          case .sequence(let inner)?: walk(inner, depth: depth + 1)
          case .planes?, .adaptivePlanes?, .flatten?, .softmax?, nil: operations = nil
          }
        }
      }
      walk(parts, depth: 0)
      end(nil)
    }
    let called = Set(calls.values.flatMap { if case .sequence(let parts) = $0 { parts } else { [String]() } })
    alone = calls.filter { name, call in
      switch call {
      case .window, .overTime, .planes, .adaptivePlanes, .flatten: !called.contains(name)
      default: false
      }
    }.keys.sorted()
  }

  private static func isInside(_ name: String, _ calls: [String: ModuleCall]) -> Bool {
    let parent = Model.split(name).module
    guard !name.isEmpty, case .sequence? = calls[parent] else { return false }
    return true
  }

  /// What is applied to what a module gives.
  func operations(after module: String) -> [Forward.Operation] { entries[module]?.operations ?? [] }

  /// Whether a Sequential does something after a module that no forward has.
  func isOpen(after module: String) -> Bool { open.contains(module) }

  /// Whether a module takes what another one's result becomes, and nothing is open between them.
  func tells(_ first: String, _ second: String) -> Bool { entries[first]?.next == second }

  /// Whether nothing is open before a module in its Sequential.
  func tellsBefore(_ module: String) -> Bool { firsts.contains(module) || entries.values.contains { $0.next == module } }
}
