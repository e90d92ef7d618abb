/** Request headers as the function may have them: without user and password of the callback's URL, which are for the gateway. */
export function withoutCallbackLogin(rawHeaders: readonly string[]): readonly string[] {
  return rawHeaders.map((value, at) => (isCallbackUrl(rawHeaders, at) ? withoutLogin(value) : value))
}

/** Whether what is at that place is the value of an `X-Callback-Url`. */
export function isCallbackUrl(rawHeaders: readonly string[], at: number): boolean {
  return at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === 'x-callback-url'
}

function withoutLogin(text: string): string {
  if (!URL.canParse(text)) return text
  const url = new URL(text)
  if (url.username === '' && url.password === '') return text
  url.username = ''
  url.password = ''
  return url.href
}
