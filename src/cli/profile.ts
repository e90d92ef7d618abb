import type { Command } from 'commander'
import type { Environment } from './environment.ts'
import { addDeleteSome, addGetOne, addList } from './resource/nouns.ts'

const NOUN = { plural: 'profiles', singular: 'profile', namespaced: false }

/** `docker-faas profile`. */
export function addProfile(program: Command, environment: Environment): void {
  const profile = program
    .command('profile')
    .alias('profiles')
    .description('list, print and delete profiles of functions; "docker-faas apply -f" writes them')
    .addHelpText('after', '\nA function names its profiles in the annotation com.openfaas.profile.')
  addList(profile, environment, NOUN)
  addGetOne(profile, environment, NOUN)
  addDeleteSome(profile, environment, NOUN)
}
