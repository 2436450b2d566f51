import CStorage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The access rights of a file that will be replaced. The new file gets the same rights, or narrower ones.
struct FileAccess {
  private let path: [CChar]
  private let owner: uid_t
  private let group: gid_t
  private let mode: mode_t
  private let hasList: Bool

  /// The access rights of the file at a path. Nil if there is none.
  init?(of path: String) throws(SystemFailure) {
    self.path = path.systemPath
    var status = stat()
    guard stat(self.path, &status) == 0 else {
      if errno == ENOENT { return nil }
      throw SystemFailure()
    }
    (owner, group, mode) = (status.st_uid, status.st_gid, status.st_mode & 0o7777)
    let found = rnn_storage_has_access_list(self.path)
    guard found >= 0 else { throw SystemFailure() }
    hasList = found > 0
  }

  /// Gives an open file the same owner, group, mode, access control list and security label. Nobody else can open the
  /// file yet. If the owner or the group cannot be kept, the mode is narrowed so that nobody gains rights.
  func give(to descriptor: Int32) throws(SystemFailure) {
    var new = stat()
    guard fstat(descriptor, &new) == 0 else { throw SystemFailure() }
    var (keepsOwner, keepsGroup) = (new.st_uid == owner, new.st_gid == group)
    if !keepsOwner, try Self.own(descriptor, owner, group) { (keepsOwner, keepsGroup) = (true, true) }
    if !keepsGroup { keepsGroup = try Self.own(descriptor, uid_t.max, group) }
    let isKept = keepsOwner && keepsGroup
    guard rnn_storage_copy_access(path, descriptor, isKept ? 1 : 0) == 0 else { throw SystemFailure() }
    let wanted = isKept ? mode : narrowed(keepsOwner: keepsOwner, keepsGroup: keepsGroup)
    guard fstat(descriptor, &new) == 0, new.st_mode & 0o7777 == wanted || fchmod(descriptor, wanted) == 0 else {
      throw SystemFailure()
    }
  }

  /// The narrowed mode. A member of the old group may now count as "others", and vice versa; the old owner may be either.
  private func narrowed(keepsOwner: Bool, keepsGroup: Bool) -> mode_t {
    let user = mode >> 6 & 7
    // The mode does not say which users the access control list named.
    if hasList { return user << 6 }
    var (grouped, others) = (mode >> 3 & 7, mode & 7)
    if !keepsGroup {
      grouped &= others
      others = grouped
    }
    if !keepsOwner {
      grouped &= user
      others &= user
    }
    return user << 6 | grouped << 3 | others
  }

  /// Sets owner and group. False if this user is not permitted to.
  private static func own(_ descriptor: Int32, _ owner: uid_t, _ group: gid_t) throws(SystemFailure) -> Bool {
    if fchown(descriptor, owner, group) == 0 { return true }
    // EINVAL: an owner that this user namespace does not know.
    guard [EPERM, EACCES, EINVAL, EOPNOTSUPP, ENOSYS].contains(errno) else { throw SystemFailure() }
    return false
  }
}
