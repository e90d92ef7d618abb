import type Docker from 'dockerode'

/** Runs a program in a container, as what it serves could do; gives what it printed. */
export async function inside(docker: Docker, container: string, ...Cmd: string[]): Promise<string> {
  const exec = await docker.getContainer(container).exec({ Cmd, Tty: true, AttachStdout: true, AttachStderr: true })
  let text = ''
  for await (const chunk of await exec.start({ Tty: true })) text += chunk
  return text.replaceAll('\r', '')
}
