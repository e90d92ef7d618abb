import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import type { Command } from 'commander'
import { createProgram } from '../../src/cli/program.ts'
import { anEnvironment, runCli } from '../helpers/cli.ts'

const ROOT = join(import.meta.dirname, '../..')
const PAGES = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'hack/**/README.md', 'docs/**/*.md']

interface Block {
  readonly page: string
  readonly language: string
  readonly text: string
}

const pages = globSync(PAGES, { cwd: ROOT }).map(page => ({ page, text: readFileSync(join(ROOT, page), 'utf8') }))

const blocks: readonly Block[] = pages.flatMap(({ page, text }) =>
  [...text.matchAll(/^```(\w*)[^\n]*\n(.*?)^```$/gms)].map(([, language = '', block = '']) => ({
    ...{ page, language },
    text: block.replaceAll('\\\n', ' ')
  }))
)

/** What is written behind `docker-faas` in a line, as words: up to what leads elsewhere, or is a remark. */
function commandsIn(line: string): string[][] {
  const code = line.replace(/(^|\s)#.*$/, '')
  return [...code.matchAll(/(?:^|[\s(`])docker-faas ((?:'[^']*'|"[^"]*"|[^'"|;<>`)&])+)/g)].map(([, words = '']) =>
    [...words.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) => word)
  )
}

/** What the command line does not know of these words; undefined when all of it is known. */
function faultOf(command: Command, [word, ...rest]: readonly string[]): string | undefined {
  if (word === undefined) return undefined
  if (/^-[^-]|^--./.test(word)) return faultOfOption(command, word, rest)
  const next = command.commands.find(each => each.name() === word || each.aliases().includes(word))
  if (next === undefined && command.commands.length > 0) return `${command.name()} has no command ${word}`
  return faultOf(next ?? command, rest)
}

function faultOfOption(command: Command, word: string, rest: readonly string[]): string | undefined {
  const [flag = ''] = word.split('=')
  const option = command.options.find(({ long, short }) => long === flag || short === flag)
  if (option === undefined && flag !== '--help') return `${command.name()} has no option ${flag}`
  const hasValue = option?.required === true && !word.includes('=')
  return faultOf(command, hasValue ? rest.slice(1) : rest)
}

/** The names by which headings of a page can be linked to, as GitHub makes them. */
function headingsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\- ]/gu, '')
      .replaceAll(' ', '-')
  )
}

/** Stands for any word. */
const isPattern = (words: readonly string[]) => words.some(word => /^(…|\.\.\.|COMMAND|\w+(\|\w+)+)/.test(word))

describe('the docs', () => {
  it('show commands that are there, with options that they have', () => {
    const program = createProgram(anEnvironment())
    const shown = [
      ...blocks.flatMap(({ page, text }) => text.split('\n').map(line => ({ page, line }))),
      ...pages.flatMap(({ page, text }) =>
        [...text.matchAll(/`(docker-faas [^`\n]+)`/g)].map(([, line = '']) => ({ page, line }))
      )
    ].flatMap(({ page, line }) => commandsIn(line).map(words => ({ page, words })))
    expect(shown).to.have.length.of.at.least(150)
    const faults = shown
      .filter(({ words }) => !isPattern(words))
      .map(({ page, words }) => ({ at: `${page}: docker-faas ${words.join(' ')}`, fault: faultOf(program, words) }))
    expect(faults.filter(({ fault }) => fault !== undefined)).to.deep.equal([])
  })

  it('link to files and headings that are there', () => {
    const links = pages.flatMap(({ page, text }) =>
      [...text.matchAll(/\]\((?!https?:)([^)\s#]*)(?:#([^)\s]*))?\)/g)].map(([, path = '', heading]) => {
        const file = path === '' ? page : join(dirname(page), path)
        return { page, file, heading }
      })
    )
    expect(links).to.have.length.of.at.least(200)
    const faults = links.filter(
      ({ file, heading }) =>
        !existsSync(join(ROOT, file)) || (heading !== undefined && !headingsOf(file).includes(heading))
    )
    expect(faults).to.deep.equal([])
  })

  it('show stack files and manifests that apply reads', async () => {
    const files = blocks.filter(({ language, text }) => language === 'yaml' && /^(functions|kind):/m.test(text))
    expect(files).to.have.length.of.at.least(6)
    for (const { page, text } of files) {
      const { code, stderr } = await runCli(['apply', '--dry-run=client', '-f', '-'], { stdin: text })
      expect([code, stderr], `${page}:\n${text}`).to.deep.equal([0, ''])
    }
  })
})
