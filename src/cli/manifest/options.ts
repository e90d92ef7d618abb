import type { Command } from 'commander'
import { collect } from '../client/values.ts'

/** The options of `LoadOptions`. */
export function addManifestOptions(command: Command, isRequired: boolean): Command {
  const flags = '-f, --filename <path>'
  const about = 'a file, a folder of .yml, .yaml and .json files, or - for the standard input; may be given again'
  if (isRequired) command.requiredOption(flags, about, collect)
  else command.option(flags, about, collect)
  return command
    .option('-R, --recursive', 'take the folders in folders, too', false)
    .option('--filter <pattern>', 'of functions, those of this name, with * for anything')
    .option('--regex <pattern>', 'of functions, those whose name this regular expression finds')
    .option('--no-envsubst', 'leave variables in stack files as they are')
}
