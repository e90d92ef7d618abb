export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

/**
 * The script that has a shell ask `docker-faas __complete` for words. Each line of the answer is a word, and after a tab what
 * it means; `:files` stands for names of files. No word is evaluated by the shell: they come from gateways, too.
 */
export const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# bash completion for docker-faas: source <(docker-faas completion bash)
_docker_faas() {
  local value about
  COMPREPLY=()
  while IFS=$'\\t' read -r value about; do
    case $value in
      :files) compopt -o default 2>/dev/null ;;
      :nospace) compopt -o nospace 2>/dev/null ;;
      ?*) COMPREPLY+=("$value") ;;
    esac
  done < <(docker-faas __complete bash -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _docker_faas docker-faas
`,
  zsh: `#compdef docker-faas
# zsh completion for docker-faas: source <(docker-faas completion zsh), or a file _docker-faas in $fpath
_docker-faas() {
  local value about files=0
  local -a values
  while IFS=$'\\t' read -r value about; do
    case $value in
      :files) files=1 ;;
      :nospace) ;;
      ?*) values+=("\${value//:/\\\\:}\${about:+:$about}") ;;
    esac
  done < <(docker-faas __complete zsh -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)
  (( \${#values} )) && _describe -t values docker-faas values
  (( files )) && _files
  return 0
}
if [[ \${funcstack[1]} = _docker-faas ]]; then
  _docker-faas "$@"
elif (( \${+functions[compdef]} )); then
  compdef _docker-faas docker-faas
else
  print -u2 'docker-faas: zsh completes nothing yet: run "autoload -Uz compinit && compinit" before this'
fi
`,
  fish: `# fish completion for docker-faas: docker-faas completion fish | source
function __docker_faas_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    for line in (docker-faas __complete fish -- $before[2..-1] "$current" 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path "$current"
            case ':*'
            case '*'
                echo $line
        end
    end
end
complete -c docker-faas -e
complete -c docker-faas -f -a '(__docker_faas_complete)'
`
}
