// Serves the built page and the API of README.md over a made-up vault, for development and for
// the page's own tests. It refuses what the real server refuses: another Host, Origin or token.
//
//   node dev/server.mjs [--port=0] [--files=110000] [--big=50000] [--seed=1] [--language=de] [--windows]

import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { picture } from './picture.mjs';
import { Restores } from './restores.mjs';
import { find, isThere, makeVault, stateAt, versionAt } from './vault.mjs';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    files: { type: 'string', default: '110000' },
    big: { type: 'string', default: '50000' },
    seed: { type: 'string', default: '1' },
    language: { type: 'string', default: 'de' },
    accent: { type: 'string', default: '#1f6f5c' },
    windows: { type: 'boolean', default: false },
    token: { type: 'string', default: randomBytes(16).toString('hex') },
  },
});

const kPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');
const kTypes = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
const kPage = 500;
const kLargestPage = 5000;
const kDist = join(fileURLToPath(new URL('.', import.meta.url)), '..', 'dist');

const vault = makeVault({
  seed: Number(options.seed),
  now: Date.now(),
  files: Number(options.files),
  bigFolder: Number(options.big),
});
const restores = new Restores(vault);
const folders = new Map([
  ['/', ['home', 'mnt']],
  ['/home', ['anna', 'berta']],
  ['/home/anna', ['Bilder', 'Dokumente', 'Wiederhergestellt']],
  ['/mnt', ['nas']],
]);
let grant = null;

class Refusal extends Error {
  constructor(status, kind, message) {
    super(message);
    this.status = status;
    this.kind = kind;
  }
}

const session = () => ({
  brand: {
    name: 'Nordlicht IT',
    logo: null,
    accent: options.accent,
    support: {
      email: 'hilfe@nordlicht.example',
      phone: '+49 40 123 456',
      url: 'https://nordlicht.example/hilfe',
    },
  },
  language: options.language,
  device: { name: 'buero-3' },
  account: 'anna',
  administrator: false,
  windows: options.windows,
  home: vault.home,
  locations: [
    { id: 'cluster', kind: 'cluster' },
    { id: '/mnt/nas/vault', kind: 'local' },
  ],
  grant,
  mount: true,
});

function indexOf(point) {
  const index = vault.points.findIndex((it) => it.id === point);
  if (index < 0) throw new Refusal(404, 'not-found', `point ${point}: no such point`);
  return index;
}

function nodeAt(path, index) {
  const node = find(vault, path);
  if (node === null || !isThere(node, index)) {
    throw new Refusal(404, 'not-found', `${path}: not in this recovery point`);
  }
  return node;
}

const collator = new Intl.Collator('de', { numeric: true });
const sorted = new Map();

function childrenOf(node) {
  let list = sorted.get(node.path);
  if (list === undefined) {
    list = [...node.children.values()].sort(
      (a, b) =>
        Number(b.type === 'directory') - Number(a.type === 'directory') ||
        collator.compare(a.name, b.name),
    );
    sorted.set(node.path, list);
  }
  return list;
}

function entriesOf(query) {
  const index = indexOf(query.get('point'));
  const node = nodeAt(query.get('path'), index);
  if (node.type !== 'directory')
    throw new Refusal(400, 'invalid-input', `${node.path}: not a folder`);
  if (node.denied) throw new Refusal(403, 'refused', `${node.path}: belongs to somebody else`);
  const there = childrenOf(node).filter((child) => isThere(child, index));
  const start = Number(query.get('cursor') ?? 0);
  const end = start + Math.min(Number(query.get('limit') ?? kPage), kLargestPage);
  return {
    path: node.path,
    entries: there.slice(start, end).map((child) => ({
      name: child.name,
      path: child.path,
      type: child.type,
      ...stateAt(vault, child, index),
      mode: child.type === 'directory' ? 'rwxr-xr-x' : 'rw-r--r--',
      user: child.denied ? 'berta' : 'anna',
      group: child.denied ? 'berta' : 'anna',
      ...(child.target === undefined ? {} : { target: child.target }),
      denied: child.denied ?? false,
    })),
    next: end < there.length ? String(end) : null,
  };
}

function searchOf(query) {
  const words = query.get('text').toLowerCase().split(/\s+/).filter(Boolean);
  const start = Number(query.get('cursor') ?? 0);
  const results = [];
  let seen = 0;
  let next = null;
  for (const node of vault.all) {
    if (node.denied) continue;
    const name = node.name.toLowerCase();
    if (words.length === 0 || !words.every((word) => name.includes(word))) continue;
    seen += 1;
    if (seen <= start) continue;
    if (results.length === 100) {
      next = String(start + 100);
      break;
    }
    const point = vault.points[node.until];
    results.push({
      path: node.path,
      type: node.type,
      versions: node.changes?.length ?? 1,
      newest: { point: point.id, time: point.time, ...stateAt(vault, node, node.until) },
      in_latest: node.until === vault.last,
    });
  }
  return { results, next };
}

function versionsOf(query) {
  const node = find(vault, query.get('path'));
  if (node === null)
    throw new Refusal(404, 'not-found', `${query.get('path')}: in no recovery point`);
  const versions = [];
  for (let index = node.until; index >= node.from; index -= 1) {
    versions.push({
      point: vault.points[index].id,
      time: vault.points[index].time,
      ...stateAt(vault, node, index),
      type: node.type,
      same: index > node.from && versionAt(node, index) === versionAt(node, index - 1),
    });
  }
  return { versions };
}

function changesOf(query) {
  const index = indexOf(query.get('point'));
  const examples = [];
  const counts = { added: 0, changed: 0, removed: 0 };
  for (const node of vault.all) {
    if (node.type !== 'file' || node.denied) continue;
    const change =
      node.from === index
        ? 'added'
        : node.until === index - 1
          ? 'removed'
          : isThere(node, index) && node.changes.includes(index)
            ? 'changed'
            : null;
    if (change === null) continue;
    counts[change] += 1;
    if (examples.length < 50) examples.push({ path: node.path, change });
  }
  return { since: vault.points[index - 1]?.id ?? null, ...counts, examples };
}

function previewOf(query) {
  const index = indexOf(query.get('point'));
  const node = nodeAt(query.get('path'), index);
  if (node.denied) return { kind: 'none', reason: 'denied' };
  const version = Math.max(0, versionAt(node, index));
  if (/\.(png|jpe?g|svg)$/i.test(node.name)) {
    return { kind: 'image', url: `/api/image?salt=${node.salt + version}` };
  }
  if (node.size > 4_000_000) return { kind: 'none', reason: 'too-large' };
  if (node.text !== undefined) {
    return { kind: 'text', text: node.text(version), truncated: false, encoding: 'utf-8' };
  }
  if (/\.(txt|md|csv)$/i.test(node.name)) {
    const lines = Array.from({ length: 60 }, (_, n) => `${n + 1};${(node.salt * (n + 3)) % 9973}`);
    return { kind: 'text', text: lines.join('\n'), truncated: node.size > 2000, encoding: 'utf-8' };
  }
  return { kind: 'none', reason: 'binary' };
}

const mayWrite = (path) => path.startsWith('/home/anna') || path.startsWith('/mnt/nas');

function foldersOf(path) {
  const names = folders.get(path) ?? [];
  const at = path.lastIndexOf('/');
  return {
    path,
    parent: path === '/' ? null : at <= 0 ? '/' : path.slice(0, at),
    writable: mayWrite(path),
    folders: names.map((name) => {
      const own = path === '/' ? `/${name}` : `${path}/${name}`;
      return { name, path: own, writable: mayWrite(own) };
    }),
  };
}

function makeFolder(path) {
  const at = path.lastIndexOf('/');
  const parent = at <= 0 ? '/' : path.slice(0, at);
  if (!mayWrite(parent)) {
    throw new Refusal(403, 'refused', `${path}: you may not write here`);
  }
  const names = folders.get(parent) ?? [];
  if (!names.includes(path.slice(at + 1)))
    folders.set(parent, [...names, path.slice(at + 1)].sort());
  return { path };
}

function takeGrant(body) {
  const good =
    body.code?.replaceAll('-', '').toUpperCase() === 'ABCDEFGH' ||
    body.document?.includes('obhut.grant/1');
  if (!good) throw new Refusal(403, 'refused', 'grant: the signature is not one of your partner’s');
  grant = {
    id: 'g-1',
    scope: ['/home/berta'],
    destination: '/home/anna/Wiederhergestellt',
    expires: new Date(Date.now() + 4 * 3600_000).toISOString(),
    reason: 'Ticket 4711: Unterlagen von Berta übernehmen',
  };
  find(vault, '/home/berta').denied = false;
  return session();
}

function giveGrantBack() {
  grant = null;
  find(vault, '/home/berta').denied = true;
  return {};
}

async function answer(method, path, query, body) {
  if (method === 'GET') {
    switch (path) {
      case '/api/session':
        return session();
      case '/api/points':
        return { points: vault.points };
      case '/api/changes':
        return changesOf(query);
      case '/api/entries':
        return entriesOf(query);
      case '/api/search':
        return searchOf(query);
      case '/api/versions':
        return versionsOf(query);
      case '/api/preview':
        return previewOf(query);
      case '/api/folders':
        return foldersOf(query.get('path'));
      case '/api/restores':
        return { restores: restores.all() };
    }
  }
  if (method === 'POST' && path === '/api/restores') {
    indexOf(body.point);
    return { id: restores.start(body) };
  }
  if (method === 'POST' && path === '/api/folders') return makeFolder(body.path);
  if (method === 'POST' && path === '/api/grants') return takeGrant(body);
  if (method === 'DELETE' && path === '/api/grants') return giveGrantBack();
  if (method === 'POST' && path === '/api/mounts') {
    return { folder: `/run/user/1000/obhut/${body.point}` };
  }
  const [, id, verb] = /^\/api\/restores\/([^/]+)(?:\/(pause|resume|cancel))?$/.exec(path) ?? [];
  const restore = id === undefined ? undefined : restores.get(id);
  if (restore === undefined) throw new Refusal(404, 'not-found', `${path}: no such thing`);
  if (verb !== undefined) restores.steer(id, verb);
  return restores.get(id);
}

async function serveFile(path, response) {
  const file = normalize(join(kDist, path === '/' ? 'index.html' : path));
  if (!file.startsWith(kDist)) return response.writeHead(404).end();
  try {
    const body = await readFile(file);
    response.writeHead(200, {
      'Content-Type': kTypes[extname(file)] ?? 'application/octet-stream',
      'Cache-Control': path === '/' ? 'no-store' : 'max-age=31536000, immutable',
    });
    response.end(body);
  } catch {
    response.writeHead(404).end();
  }
}

async function bodyOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  const text = Buffer.concat(parts).toString();
  return text === '' ? {} : JSON.parse(text);
}

async function serveApi(request, response, url) {
  const json = (status, value) => {
    response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
    response.end(JSON.stringify(value));
  };
  if (request.headers['x-obhut-token'] !== options.token) {
    return json(401, { error: { kind: 'refused', message: 'the token is not this window’s' } });
  }
  if (url.pathname === '/api/image') {
    response.writeHead(200, { 'Content-Type': 'image/png', 'Cache-Control': 'no-store' });
    return response.end(picture(Number(url.searchParams.get('salt'))));
  }
  try {
    const body = request.method === 'POST' ? await bodyOf(request) : {};
    const value = await answer(request.method, url.pathname, url.searchParams, body);
    json(request.method === 'POST' && url.pathname === '/api/restores' ? 202 : 200, value);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    json(error.status, { error: { kind: error.kind, message: error.message } });
  }
}

const server = createServer(async (request, response) => {
  const host = `127.0.0.1:${server.address().port}`;
  const { origin } = request.headers;
  if (request.headers.host !== host || (origin !== undefined && origin !== `http://${host}`)) {
    return response.writeHead(403).end();
  }
  response.setHeader('Content-Security-Policy', kPolicy);
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Referrer-Policy', 'no-referrer');
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
  const url = new URL(request.url, `http://${host}`);
  if (url.pathname.startsWith('/api/')) return serveApi(request, response, url);
  return serveFile(url.pathname, response);
});

server.listen(Number(options.port), '127.0.0.1', () => {
  const names = createHash('sha256');
  for (const node of vault.all) names.update(node.path);
  const digest = names.digest('hex').slice(0, 8);
  console.error(`${vault.all.length} entries, ${vault.points.length} points, digest ${digest}`);
  console.log(`http://127.0.0.1:${server.address().port}/#token=${options.token}`);
});
