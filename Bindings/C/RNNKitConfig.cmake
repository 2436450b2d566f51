# find_package(RNNKit) and target_link_libraries(program RNNKit::rnnkit)
get_filename_component(_rnnkit_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT TARGET RNNKit::rnnkit)
  add_library(RNNKit::rnnkit SHARED IMPORTED)
  set_target_properties(RNNKit::rnnkit PROPERTIES
    IMPORTED_LOCATION "${_rnnkit_prefix}/lib/librnnkit.so.@VERSION@"
    IMPORTED_SONAME "librnnkit.so.@MAJOR@"
    INTERFACE_INCLUDE_DIRECTORIES "${_rnnkit_prefix}/include")
endif()
unset(_rnnkit_prefix)
