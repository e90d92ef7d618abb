import type { Command, Option } from 'commander'
import type { Source } from './sources.ts'
import { namesOf, SOURCES_OF_ARGUMENTS, SOURCES_OF_OPTIONS } from './sources.ts'

/** What may stand where the cursor is. */
export interface Suggestion {
  /** What is known without asking anybody. */
  readonly words: readonly Word[]
  /** Where more of them come from. */
  readonly source?: Source
  /** What the user has typed of it, and what stands before it in the same word, as in `--output=js`. */
  readonly typed: string
  readonly prefix: string
  /** Options that were given before it, by their attribute: they say which gateway is asked. */
  readonly options: Readonly<Record<string, string>>
}

export interface Word {
  readonly value: string
  readonly about: string
}

/** Where a line has come to. */
interface Place {
  readonly command: Command
  /** The arguments of it that were given. */
  readonly given: readonly string[]
  /** The option whose value comes next. */
  readonly option?: Option
  /** After `--`, nothing is an option. */
  readonly isOver: boolean
}

/** What may come in the place of the last of these words, which follow the name of the program. */
export function suggest(program: Command, words: readonly string[]): Suggestion {
  const options: Record<string, string> = {}
  let place: Place = { command: program, given: [], isOver: false }
  for (const word of words.slice(0, -1)) place = step(place, word, options)
  const typed = words.at(-1) ?? ''
  const { command, option, isOver } = place
  if (option !== undefined) return { ...valuesOf(option), typed, prefix: '', options }
  const [, name = '', value] = /^(--[^=]+)=(.*)$/s.exec(typed) ?? []
  const named = isOver ? undefined : findOption(command, name)
  if (named !== undefined && value !== undefined) {
    return { ...valuesOf(named), typed: value, prefix: `${name}=`, options }
  }
  if (typed.startsWith('-') && !isOver) return { words: optionsOf(command), typed, prefix: '', options }
  return { ...argumentsOf(place), typed, prefix: '', options }
}

function step(place: Place, word: string, options: Record<string, string>): Place {
  const { command, option, given, isOver } = place
  if (option !== undefined) {
    options[option.attributeName()] = word
    return { command, given, isOver }
  }
  if (isOver) return { ...place, given: [...given, word] }
  if (word === '--') return { ...place, isOver: true }
  if (word.startsWith('-') && word !== '-') {
    const [name = '', value] = split(word)
    const found = findOption(command, name)
    if (found === undefined || !(found.required || found.optional)) return place
    if (value === undefined) return { ...place, option: found }
    options[found.attributeName()] = value
    return place
  }
  const sub = command.commands.find(each => each.name() === word || each.aliases().includes(word))
  return sub === undefined ? { ...place, given: [...given, word] } : { command: sub, given: [], isOver }
}

/** `--name=value`; `-nvalue` is left to commander. */
function split(word: string): [name: string, value?: string] {
  const at = word.indexOf('=')
  return at < 0 ? [word] : [word.slice(0, at), word.slice(at + 1)]
}

function findOption(command: Command, name: string): Option | undefined {
  return command.options.find(option => option.long === name || option.short === name)
}

function optionsOf(command: Command): Word[] {
  return [...command.options.filter(option => !option.hidden), { long: '--help', description: 'print help' }]
    .map(({ long, description }) => ({ value: long ?? '', about: description }))
    .filter(({ value }) => value !== '')
}

function valuesOf(option: Option): Pick<Suggestion, 'words' | 'source'> {
  const words = (option.argChoices ?? []).map(value => ({ value, about: '' }))
  const source = SOURCES_OF_OPTIONS[option.attributeName()]
  return source === undefined ? { words } : { words, source }
}

function argumentsOf({ command, given }: Place): Pick<Suggestion, 'words' | 'source'> {
  const subs = command.createHelp().visibleCommands(command)
  const words =
    given.length > 0 ? [] : subs.map(sub => ({ value: sub.name(), about: sub.summary() || sub.description() }))
  const declared = command.registeredArguments
  const last = declared.at(-1)
  const current = declared[given.length] ?? (last?.variadic === true ? last : undefined)
  if (current === undefined) return { words }
  const source = current.name() === 'names' ? namesOf(given[0]) : sourceOf(command, current.name())
  return source === undefined ? { words } : { words, source }
}

function sourceOf(command: Command, argument: string): Source | undefined {
  return SOURCES_OF_ARGUMENTS[`${pathOf(command)} ${argument}`] ?? SOURCES_OF_ARGUMENTS[argument]
}

/** `rollout status`, without the name of the program. */
function pathOf(command: Command): string {
  const names: string[] = []
  for (let at: Command | null = command; at?.parent; at = at.parent) names.unshift(at.name())
  return names.join(' ')
}
