// Restores that only pretend: they take a few seconds, can be paused and cancelled, and report a
// problem where the picked names contain one.

import { find } from './vault.mjs';

const kSeconds = 3;

export class Restores {
  constructor(vault) {
    this.vault = vault;
    this.running = new Map();
    this.count = 0;
  }

  start(request) {
    this.count += 1;
    const id = `r${this.count}`;
    let files = 0;
    let directories = 0;
    let bytes = 0;
    const missing = [];
    const walk = (node) => {
      if (node.type === 'directory') {
        directories += 1;
        for (const child of node.children.values()) walk(child);
      } else {
        files += 1;
        bytes += node.size;
      }
    };
    for (const path of request.paths) {
      const node = find(this.vault, path);
      if (node === null) missing.push(path);
      else walk(node);
    }
    this.running.set(id, {
      id,
      request,
      files,
      directories,
      bytes,
      missing,
      state: 'running',
      spent: 0,
      started: new Date().toISOString(),
      since: Date.now(),
      seconds: request.dry_run ? 0.4 : kSeconds + Math.min(6, files / 5000),
    });
    return id;
  }

  steer(id, verb) {
    const it = this.running.get(id);
    this.advance(it);
    if (verb === 'pause' && it.state === 'running') it.state = 'paused';
    if (verb === 'resume' && it.state === 'paused') it.state = 'running';
    if (verb === 'cancel' && (it.state === 'running' || it.state === 'paused'))
      it.state = 'cancelled';
  }

  advance(it) {
    const now = Date.now();
    if (it.state === 'running') it.spent += (now - it.since) / 1000;
    it.since = now;
    if (it.state === 'running' && it.spent >= it.seconds) it.state = 'done';
  }

  get(id) {
    const it = this.running.get(id);
    if (it === undefined) return undefined;
    this.advance(it);
    const share = Math.min(1, it.spent / it.seconds);
    const ended = it.state === 'done' || it.state === 'cancelled';
    return {
      id,
      state: it.state,
      dry_run: it.request.dry_run,
      started: it.started,
      paths: it.request.paths.slice(0, 20),
      paths_total: it.request.paths.length,
      progress: {
        files_done: Math.floor(it.files * share),
        files_total: it.files,
        bytes_done: Math.floor(it.bytes * share),
        bytes_total: it.bytes,
        percent: Math.floor(share * 100),
        seconds_left: ended ? 0 : Math.ceil(it.seconds - it.spent),
        bytes_per_second: Math.floor(it.bytes / it.seconds),
        path: it.request.paths[Math.floor(share * (it.request.paths.length - 1))] ?? '',
      },
      report: ended ? this.report(it, share) : null,
      error: null,
    };
  }

  report(it, share) {
    const { to, existing, dry_run: dry, paths } = it.request;
    const there = to.kind === 'original' ? Math.ceil(it.files * 0.8) : 0;
    const problems = it.missing.map((path) => ({ path, kind: 'missing', reason: '' }));
    const locked = paths.find((path) => path.endsWith('.kdbx'));
    if (locked !== undefined)
      problems.push({ path: locked, kind: 'busy', reason: 'text file busy' });
    const would = {
      create: it.files - there,
      overwrite: existing === 'overwrite' ? there : 0,
      keep: existing === 'keep' ? there : 0,
      rename: existing === 'both' ? there : 0,
      examples: paths.slice(0, 20).map((path) => ({
        path,
        action:
          there === 0
            ? 'create'
            : { overwrite: 'overwrite', keep: 'keep', both: 'rename' }[existing],
      })),
    };
    const kept = existing === 'keep' ? there : 0;
    return {
      files: Math.max(0, Math.floor(it.files * share) - kept - (locked === undefined ? 0 : 1)),
      directories: it.directories,
      bytes: Math.floor(it.bytes * share),
      kept,
      renamed: existing === 'both' ? there : 0,
      missing: it.missing.length,
      problems,
      would: dry ? would : null,
      to: to.kind === 'folder' ? to.folder : this.vault.home,
    };
  }

  all() {
    return [...this.running.keys()].map((id) => this.get(id)).filter((it) => !it.dry_run);
  }
}
