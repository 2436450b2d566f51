/// An expression of TorchScript. No deeper than `Limits.maximumDepth`.
indirect enum ScriptExpression {
  case name(String)
  case integer(Int)
  case float(Double)
  case string(String)
  case attribute(ScriptExpression, String)
  case call(ScriptExpression, [ScriptArgument])
  case element(ScriptExpression, ScriptExpression)
  case list([ScriptExpression])
  case tuple([ScriptExpression])
  case dictionary([(key: ScriptExpression, value: ScriptExpression)])

  /// `torch.nn.functional.relu` as its parts; nil where it is no path of names.
  var path: [String]? {
    var parts: [String] = []
    var expression = self
    while true {
      switch expression {
      case .name(let name): return [name] + parts.reversed()
      case .attribute(let base, let name):
        parts.append(name)
        expression = base
      default: return nil
      }
    }
  }
}

struct ScriptArgument {
  var keyword: String?
  var value: ScriptExpression
}

struct ScriptStatement {
  enum Kind {
    /// `a, b, = value`; one name takes the whole value.
    case assignment([String], takesParts: Bool, ScriptExpression)
    case result(ScriptExpression)
    case expression(ScriptExpression)
    case branch(ScriptExpression, then: [ScriptStatement], otherwise: [ScriptStatement])
    case pass
    /// What is not understood: a loop, an operator, anything else; its first words.
    case unread(String)
  }

  var kind: Kind
  var line: Int
}

struct ScriptFunction {
  struct Parameter {
    var name: String
    /// `Optional[Tensor]`
    var type: String
    var initial: ScriptExpression?
  }

  var parameters: [Parameter]
  var body: [ScriptStatement]
  /// Its file, `code/__torch__/model.py`.
  var file: String
}

struct ScriptClass {
  /// Attributes of one value for all modules of the class: `batch_first : Final[bool] = True`.
  var constants: [String: ScriptExpression] = [:]
  /// Attributes declared as `NoneType`.
  var nones: Set<String> = []
  var methods: [String: ScriptFunction] = [:]
  /// Whether something runs before or after each call of its forward.
  var hasHooks = false
}
