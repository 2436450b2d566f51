// Wraps the macros of hdf5.h that Swift cannot import (they call H5open() or cast), and functions whose types differ
// between releases of the library. There is no logic here.
#include <hdf5.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif
#include <stdint.h>
#include <string.h>

static inline hid_t rnn_h5p_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t rnn_h5p_file_create(void) { return H5P_FILE_CREATE; }
static inline hid_t rnn_h5p_group_create(void) { return H5P_GROUP_CREATE; }
static inline hid_t rnn_h5p_link_create(void) { return H5P_LINK_CREATE; }
static inline hid_t rnn_h5p_link_access(void) { return H5P_LINK_ACCESS; }
static inline hid_t rnn_h5p_attribute_create(void) { return H5P_ATTRIBUTE_CREATE; }
static inline hid_t rnn_h5p_dataset_create(void) { return H5P_DATASET_CREATE; }
static inline hid_t rnn_h5p_dataset_transfer(void) { return H5P_DATASET_XFER; }

static inline hid_t rnn_h5t_c_string(void) { return H5T_C_S1; }
static inline hid_t rnn_h5t_float64(void) { return H5T_IEEE_F64LE; }
static inline hid_t rnn_h5t_native_double(void) { return H5T_NATIVE_DOUBLE; }
static inline hid_t rnn_h5t_native_int64(void) { return H5T_NATIVE_INT64; }
static inline hid_t rnn_h5t_native_uint64(void) { return H5T_NATIVE_UINT64; }
static inline hid_t rnn_h5t_int8(void) { return H5T_STD_I8LE; }
static inline hid_t rnn_h5t_int16(void) { return H5T_STD_I16LE; }
static inline hid_t rnn_h5t_int32(void) { return H5T_STD_I32LE; }
static inline hid_t rnn_h5t_int64(void) { return H5T_STD_I64LE; }
static inline hid_t rnn_h5t_uint8(void) { return H5T_STD_U8LE; }
static inline hid_t rnn_h5t_uint16(void) { return H5T_STD_U16LE; }
static inline hid_t rnn_h5t_uint32(void) { return H5T_STD_U32LE; }
static inline hid_t rnn_h5t_uint64(void) { return H5T_STD_U64LE; }

static inline size_t rnn_h5t_variable(void) { return H5T_VARIABLE; }
static inline unsigned rnn_h5f_read_only(void) { return H5F_ACC_RDONLY; }
static inline unsigned rnn_h5f_truncate(void) { return H5F_ACC_TRUNC; }
static inline haddr_t rnn_h5_no_address(void) { return HADDR_UNDEF; }

// Since 1.13 a driver's class contains the version of its struct.
static inline void rnn_h5fd_prepare(H5FD_class_t *driver) {
#if H5_VERSION_GE(1, 13, 0)
  driver->version = H5FD_CLASS_VERSION;
  driver->value = (H5FD_class_value_t)512;
#else
  (void)driver;
#endif
}

// An object's type and its address in the file. H5Oget_info changed its struct in 1.12.
static inline herr_t rnn_h5o_identity(hid_t object, uint64_t *address, H5O_type_t *type) {
#if H5_VERSION_GE(1, 12, 0)
  H5O_info2_t info;
  herr_t status = H5Oget_info3(object, &info, H5O_INFO_BASIC);
  if (status >= 0) memcpy(address, &info.token, sizeof *address);
#else
  H5O_info_t info;
  herr_t status = H5Oget_info2(object, &info, H5O_INFO_BASIC);
  if (status >= 0) *address = info.addr;
#endif
  if (status >= 0) *type = info.type;
  return status;
}

// Visits the links of a group in creation order or by name. H5Literate changed its struct in 1.12.
typedef herr_t (*rnn_h5_link_visitor)(const char *name, H5L_type_t type, void *context);

struct rnn_h5_link_walk {
  rnn_h5_link_visitor visit;
  void *context;
};

static inline herr_t rnn_h5_visit_link(hid_t group, const char *name, const H5L_info_t *info, void *data) {
  const struct rnn_h5_link_walk *walk = (const struct rnn_h5_link_walk *)data;
  (void)group;
  return walk->visit(name, info->type, walk->context);
}

static inline herr_t rnn_h5l_iterate(hid_t group, int by_creation, rnn_h5_link_visitor visit, void *context) {
  struct rnn_h5_link_walk walk = {visit, context};
  hsize_t position = 0;
  return H5Literate(group, by_creation ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME, H5_ITER_INC, &position, rnn_h5_visit_link,
                    &walk);
}

// Registers `decode` as h5py's filter 32000, LZF, for reading. The library keeps the pointer to the name.
static inline herr_t rnn_h5z_register_lzf(H5Z_func_t decode) {
  const H5Z_class2_t filter = {H5Z_CLASS_T_VERS, 32000, 0, 1, "lzf", NULL, NULL, decode};
  return H5Zregister(&filter);
}

// Refuses every external link on a path, before the library opens the other file.
static inline herr_t rnn_h5_refuse_external(const char *parent_file, const char *parent_group, const char *child_file,
                                            const char *child_object, unsigned *access, hid_t access_list,
                                            void *context) {
  (void)parent_file, (void)parent_group, (void)child_file, (void)child_object;
  (void)access, (void)access_list, (void)context;
  return -1;
}

static inline herr_t rnn_h5p_refuse_external_links(hid_t list) {
  return H5Pset_elink_cb(list, rnn_h5_refuse_external, NULL);
}
