# SPDX-License-Identifier: Apache-2.0
# The Debian package of `make deb`: what `cmake --install` installs, and a unit, its configuration and maintainer
# scripts. Included last, because CPack reads what is set before it.

set(debian ${CMAKE_SOURCE_DIR}/packaging/debian)
set(in_package COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES ${debian}/shuntd.service DESTINATION lib/systemd/system ${in_package})
install(FILES ${debian}/shuntd.yaml DESTINATION /etc/shunt ${in_package})
install(DIRECTORY DESTINATION /etc/shunt/manifests ${in_package})
install(FILES ${debian}/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR} ${in_package})
execute_process(COMMAND gzip -9nc ${debian}/changelog OUTPUT_FILE ${CMAKE_BINARY_DIR}/changelog.gz
  COMMAND_ERROR_IS_FATAL ANY)
install(FILES ${CMAKE_BINARY_DIR}/changelog.gz DESTINATION ${CMAKE_INSTALL_DOCDIR} ${in_package})

set(CPACK_GENERATOR DEB)
set(CPACK_COMPONENTS_ALL Unspecified debian)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_PACKAGE_NAME shunt)
set(CPACK_PACKAGE_CONTACT "The Shunt authors <authors@shunt-lb.io>")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "Kubernetes service proxy that translates a connection where it is born
Small BPF programs on the socket calls turn a connect to a Service's address
into a connect to one of its pods. From then on nothing of Shunt's runs for
that connection. This package has the agent of a node, shuntd, with a unit
for systemd, and its command line, shuntctl, also as a plugin of kubectl.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${debian}/conffiles ${debian}/postinst ${debian}/prerm ${debian}/postrm)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
