import { Argument, type Command } from 'commander'
import type { Environment } from '../environment.ts'
import { joinWords, toLines } from './line.ts'
import { SCRIPTS, SHELLS, type Shell } from './scripts.ts'
import { wordsOf } from './sources.ts'
import { suggest } from './suggest.ts'

const HELP = `
For one shell:   source <(docker-faas completion bash)
bash, for good:  docker-faas completion bash > /etc/bash_completion.d/docker-faas
zsh, for good:   docker-faas completion zsh > "\${fpath[1]}/_docker-faas"
fish, for good:  mkdir -p ~/.config/fish/completions && docker-faas completion fish > ~/.config/fish/completions/docker-faas.fish`

/** `docker-faas completion`, and the command that the scripts of it ask. */
export function addCompletion(program: Command, environment: Environment): void {
  program
    .command('completion')
    .description('print the script that completes command lines in a shell, with the names that the gateway has')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .addHelpText('after', HELP)
    .action((shell: Shell) => void environment.stdout.write(SCRIPTS[shell]))
  program
    .command('__complete', { hidden: true })
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .argument('[words...]')
    .action((shell: Shell, words: string[]) => printWords(program, environment, shell, words))
}

async function printWords(
  program: Command,
  environment: Environment,
  shell: Shell,
  given: readonly string[]
): Promise<void> {
  const { words, cut } = joinWords(shell, given)
  const { words: known, source, typed, prefix, options } = suggest(program, words)
  const more = source === undefined || source === 'files' ? [] : await wordsOf(source, environment, options)
  const lines = toLines([...known, ...more.map(value => ({ value, about: '' }))], { typed, prefix, cut })
  if (source === 'files') lines.push(':files')
  environment.stdout.write(lines.map(line => `${line}\n`).join(''))
}
