/** A function of which something runs that the database does not know: a person decides what becomes of it. */
export interface Undecided {
  readonly key: string
  readonly uid: string
}
