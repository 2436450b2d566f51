import CHDF5
import RNNModel
import Synchronization

/// Access to libhdf5: one caller at a time, without error printing, and without plugins.
enum HDF5Library {
  /// libhdf5 is not safe to call from two threads unless it was built to be.
  private static let lock = Mutex<Void>(())

  /// Runs a whole operation. During it, the library does not print errors or load filters from shared objects, which a
  /// file could request. Both settings are restored afterwards.
  ///
  /// - Parameter remedy: what the user can do about the library's own errors.
  static func perform<Value: Sendable>(
    remedy: Phrase, _ operation: () throws(RNNError) -> Value
  ) throws(RNNError) -> Value {
    try lock.withLock { (_) throws(RNNError) -> Value in
      guard H5open() >= 0 else {
        throw RNNError(.defect, "libhdf5 cannot be started", remedy: "check the installation of libhdf5")
      }
      var print: H5E_auto2_t?
      var context: UnsafeMutableRawPointer?
      H5Eget_auto2(hid_t(H5E_DEFAULT), &print, &context)
      H5Eset_auto2(hid_t(H5E_DEFAULT), nil, nil)
      var plugins: UInt32 = 0
      H5PLget_loading_state(&plugins)
      H5PLset_loading_state(0)
      HDF5LZF.register()
      defer {
        H5PLset_loading_state(plugins)
        H5Eset_auto2(hid_t(H5E_DEFAULT), print, context)
      }
      do throws(RNNError) {
        return try operation()
      } catch {
        var error = error
        error.remedy = error.remedy ?? remedy
        throw error
      }
    }
  }

  /// The reason for the last failure, on one line, as the library's innermost function words it.
  fileprivate static func lastReason() -> String {
    var reason = ""
    withUnsafeMutablePointer(to: &reason) { reason in
      _ = H5Ewalk2(hid_t(H5E_DEFAULT), H5E_WALK_UPWARD, { (_, frame, context) in
        guard let text = frame?.pointee.desc, let context else { return 1 }
        context.assumingMemoryBound(to: String.self).pointee = String(cString: text)
        return 1
      }, reason)
    }
    H5Eclear2(hid_t(H5E_DEFAULT))
    return systemReason(in: reason) ?? reason
  }

  /// Extracts the system's message from `… errno = 28, error message = 'No space left on device', buf = 0x55ee…`.
  private static func systemReason(in text: String) -> String? {
    let parts = text.split(separator: "'", omittingEmptySubsequences: false)
    guard let index = parts.firstIndex(where: { $0.hasSuffix("error message = ") }), index + 1 < parts.count else {
      return nil
    }
    return String(parts[index + 1])
  }
}

/// Returns the result of a libhdf5 function, or throws if it is negative: all of them report failure that way.
@discardableResult
func hdf5<Value: SignedInteger>(
  _ result: Value, _ problem: @autoclosure () -> String, at place: @autoclosure () -> String?
) throws(RNNError) -> Value {
  if result >= 0 { return result }
  let reason = HDF5Library.lastReason()
  throw RNNError(.badData, place: place(), reason.isEmpty ? problem() : "\(problem()): \(reason)")
}

/// H5P_DEFAULT, or H5S_ALL for a dataspace. These macros cast, so Swift does not import them.
let hdf5Default: hid_t = 0

/// Owns a libhdf5 object and releases it once.
struct HDF5Handle: ~Copyable {
  let id: hid_t

  /// Takes ownership of a libhdf5 function's result, or throws if it is negative.
  init(_ id: hid_t, _ problem: @autoclosure () -> String, at place: @autoclosure () -> String?) throws(RNNError) {
    self.id = try hdf5(id, problem(), at: place())
  }

  deinit { H5Idec_ref(id) }

  /// Closes a file, which writes its last bytes.
  consuming func closeFile(at place: String?) throws(RNNError) {
    let id = id
    discard self
    try hdf5(H5Fclose(id), "cannot be closed", at: place)
  }
}
