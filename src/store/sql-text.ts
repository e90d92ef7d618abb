/**
 * The text with NUL characters replaced by U+FFFD. MikroORM writes values into the SQL text, which SQLite reads up to
 * the first NUL. JSON columns need no care: JSON escapes it.
 */
export function sqlText(text: string): string {
  return text.replaceAll('\0', '\uFFFD')
}
