/// A forward line as it is written, before its names mean anything. Expressions are nodes of one array, named by their
/// positions, so that nothing recurses to free them.
struct LineSyntax {
  struct Node {
    var kind: Kind
    /// Where it stands in the source.
    var range: Range<Int>
    var depth: Int
  }

  enum Kind {
    case number(Double)
    case name([String])
    /// `"lstm/cell:0"`, or `self."lstm/cell:0"`.
    case quoted(String, isOfModel: Bool)
    case list([Int])
    case tuple([Int])
    case call(Int, [Argument])
    case attribute(Int, String)
    case element(Int, [Index])
    case negated(Int)
    /// `a ** 2`
    case power(Int, Int)
    case arithmetic(Forward.Arithmetic, Int, Int)
  }

  struct Argument {
    /// Of `dim=-1`.
    var keyword: String?
    var value: Int
  }

  enum Index {
    case ellipsis
    case at(Int)
    case cut(Int?, Int?)
  }

  /// An input or output in the first line.
  struct Declaration {
    var name: String
    /// Quoted names are meant literally.
    var isQuoted = false
    var features: Int?
    /// All axes of `x(batch, 1, 32, time)`.
    var axes: [Forward.Input.Axis]?
    /// Of a Python parameter `h=None`.
    var isOptional = false
    var offset: Int
  }

  indirect enum Target {
    case name(String)
    /// A module's name that is no plain word, which only a declaration can have.
    case module(String)
    case tuple([Target])
  }

  enum Statement {
    case inputs([Declaration])
    case header(inputs: [Declaration], outputs: [Declaration])
    case assignment(Target, Int)
    case expression(Int, isReturn: Bool)
    /// What a constructor makes in a way that is not followed: nothing is known of it.
    case unknown([String])
  }

  var nodes: [Node] = []
  /// With the offset at which each begins.
  var statements: [(statement: Statement, offset: Int)] = []
}
