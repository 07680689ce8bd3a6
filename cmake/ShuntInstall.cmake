# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` installs, and where (GNUInstallDirs below the prefix; it honors DESTDIR). Included last,
# because it names targets.

install(TARGETS shuntd RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS shuntctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
# kubectl finds plugins by name: `kubectl shunt service list`. The link leads to what is beside it, installed or not.
set(plugin ${CMAKE_BINARY_DIR}/tools/shuntctl/kubectl-shunt)
file(CREATE_LINK shuntctl ${plugin} SYMBOLIC)
install(FILES ${plugin} DESTINATION ${CMAKE_INSTALL_BINDIR})
# Completion, where Debian's shells look for it; kubectl finds its own beside the plugin.
set(completion ${CMAKE_SOURCE_DIR}/tools/shuntctl/completion)
install(PROGRAMS ${completion}/kubectl_complete-shunt DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${completion}/shuntctl.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
  RENAME shuntctl)
install(FILES ${completion}/_shuntctl DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES ${completion}/shuntctl.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

install(FILES README.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY LICENSES DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR})
