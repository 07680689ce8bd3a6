# SPDX-License-Identifier: Apache-2.0
# Completion of shuntctl for fish: shuntctl completion fish | source
# The program itself knows the words; this hands it the line up to the cursor.
function __shuntctl_words
    set -l before (commandline -opc)
    set -l program $before[1]
    set -e before[1]
    set -l current (commandline -ct)
    set -l lines ($program completion words -- $before "$current" 2>/dev/null)
    if test "$lines[1]" = :files
        __fish_complete_path "$current"
    else
        printf '%s\n' $lines
    end
end
complete -c shuntctl -f -a '(__shuntctl_words)'
complete -c kubectl-shunt -f -a '(__shuntctl_words)'
