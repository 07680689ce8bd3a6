# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` installs, and where (GNUInstallDirs below the prefix; it honors DESTDIR). Included last,
# because it names targets.

install(TARGETS shuntd RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS shuntctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
# kubectl finds plugins by name: `kubectl shunt service list`.
file(CREATE_LINK shuntctl ${CMAKE_BINARY_DIR}/kubectl-shunt SYMBOLIC)
install(FILES ${CMAKE_BINARY_DIR}/kubectl-shunt DESTINATION ${CMAKE_INSTALL_BINDIR})

install(FILES README.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY LICENSES DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR})
