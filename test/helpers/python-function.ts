import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** Python's own server, whose parser is another one than ours and more lenient; one line for each request that it read. */
const SERVER = `
import http.server, json, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def read_body(self):
        if 'chunked' not in (self.headers.get('Transfer-Encoding') or ''):
            return self.rfile.read(int(self.headers.get('Content-Length') or 0))
        body = b''
        while True:
            size = int(self.rfile.readline().split(b';')[0], 16)
            if size == 0:
                while self.rfile.readline().strip(): pass
                return body
            body += self.rfile.read(size)
            self.rfile.readline()
    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (ValueError, ConnectionError):
            self.close_connection = True
    def answer(self):
        body = self.read_body().decode('latin1')
        print(json.dumps({'line': self.requestline, 'body': body}), flush=True)
        self.send_response(200)
        self.send_header('Content-Length', '2')
        self.end_headers()
        self.wfile.write(b'ok')
    def __getattr__(self, name):
        if name.startswith('do_'): return self.answer
        raise AttributeError(name)
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
`

export interface PythonRequest {
  readonly line: string
  readonly body: string
}

/** A function in Python, and what it read. */
export class PythonFunction implements AsyncDisposable {
  readonly requests: PythonRequest[] = []
  readonly #process: ChildProcess
  port = 0

  private constructor(process: ChildProcess) {
    this.#process = process
  }

  static async start(): Promise<PythonFunction> {
    const process = spawn('python3', ['-c', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] })
    const python = new PythonFunction(process)
    const lines = createInterface({ input: process.stdout })
    const [port] = (await once(lines, 'line')) as [string]
    python.port = Number(port)
    lines.on('line', line => python.requests.push(JSON.parse(line) as PythonRequest))
    return python
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#process, 'close')
    this.#process.kill()
    await ended
  }
}
