# SPDX-License-Identifier: Apache-2.0
# Completion of shuntctl for bash: . <(shuntctl completion bash)
# The program itself knows the words; this hands it the line up to the cursor.
_shuntctl() {
  local line=${COMP_LINE:0:COMP_POINT} words=() candidates=() candidate
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  local current=${words[-1]}
  mapfile -t candidates < <("${words[0]/#\~/$HOME}" completion words -- "${words[@]:1}" 2> /dev/null)
  COMPREPLY=()
  if [[ ${candidates[0]-} == :files ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "${current#--*=}")
    compopt -o filenames 2> /dev/null
    return
  fi
  # Readline replaces only what follows the last ':' or '=' of the word, unless they are no word breaks.
  local kept=""
  if [[ $COMP_WORDBREAKS == *:* && $current == *:* ]]; then
    kept=${current%"${current##*:}"}
  elif [[ $COMP_WORDBREAKS == *=* && $current == *=* ]]; then
    kept=${current%"${current##*=}"}
  fi
  for candidate in "${candidates[@]}"; do
    candidate=${candidate%%$'\t'*}
    [[ -n $candidate ]] && COMPREPLY+=("${candidate#"$kept"}")
  done
}
complete -F _shuntctl shuntctl kubectl-shunt
