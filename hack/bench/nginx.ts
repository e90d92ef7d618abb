/** nginx as a plain proxy: what the gateway is held against. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { untilAnswers } from './until-answers.ts'

/** An nginx that this process started. */
export interface NginxProxy {
  readonly url: string
  readonly pid: number
  readonly stop: () => Promise<void>
}

/** Starts one worker that passes everything on to `upstream` (host:port), over connections that it keeps. */
export async function startNginx(directory: string, port: number, upstream: string): Promise<NginxProxy> {
  const home = join(directory, 'nginx')
  mkdirSync(home, { recursive: true })
  const config = join(home, 'nginx.conf')
  writeFileSync(config, configOf(home, port, upstream))
  const child = spawn('nginx', ['-c', config, '-p', home, '-e', join(home, 'error.log')], { stdio: 'inherit' })
  const url = `http://127.0.0.1:${port}`
  await untilAnswers(`${url}/102`)
  return {
    url,
    pid: child.pid ?? 0,
    stop: async () => {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    }
  }
}

/** As fast as it can be made without a cache: no log, no files for answers, kept connections on both sides. */
function configOf(home: string, port: number, upstream: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    kind => `${kind}_temp_path ${home}/${kind};`
  )
  return `
user root;
worker_processes 1;
daemon off;
pid ${home}/nginx.pid;
error_log ${home}/error.log warn;
events { worker_connections 8192; }
http {
  access_log off;
  ${temporary.join('\n  ')}
  client_max_body_size 0;
  keepalive_timeout 300s;
  keepalive_requests 1000000000;
  upstream static {
    server ${upstream};
    keepalive 256;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://static;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_max_temp_file_size 0;
      proxy_request_buffering off;
    }
  }
}
`
}
