import Foundation
import RNNKit
import Testing

/// A document that the command printed, in its order. Foundation's parser, which nobody here wrote, must take it too.
func JSON(_ text: String) throws -> JSONValue {
  _ = try JSONSerialization.jsonObject(with: Data(text.utf8))
  return try JSONValue(parsing: text)
}
