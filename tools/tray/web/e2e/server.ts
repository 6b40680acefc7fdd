import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    url: string;
  }
}

/** Against the real server where OBHUT_WINDOW_URL names one, else against the made-up vault. */
export default async function setup(project: TestProject): Promise<(() => void) | undefined> {
  const given = process.env.OBHUT_WINDOW_URL;
  if (given !== undefined) {
    project.provide('url', given);
    return undefined;
  }
  const script = fileURLToPath(new URL('../dev/server.mjs', import.meta.url));
  const server = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(server.stdout, 'data')) as [Buffer];
  project.provide('url', line.toString().trim());
  return () => {
    server.kill();
  };
}
