// A made-up vault: large, deterministic by seed, and with the oddities real ones have (names that
// look like markup, entries of other people, files that were deleted, a folder of 50,000).

function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const kHour = 3600_000;
const kDay = 24 * kHour;
const kSubjects =
  'Angebot,Rechnung,Vertrag,Protokoll,Bericht,Kalkulation,Lieferschein,Mahnung,Entwurf,Planung,Abrechnung,Notiz'.split(
    ',',
  );
const kCustomers =
  'Albrecht,Bäcker Süß,Café Zentral,Dörfler & Co,Elektro Hahn,Fischer,Gärtnerei Müller,Hotel Post,Ilg,Jansen'.split(
    ',',
  );
const kExtensions = ['pdf', 'docx', 'xlsx', 'txt', 'odt', 'md', 'csv'];

/** Hourly for a day, daily for a month, weekly for a year, monthly for five. */
export function pointTimes(now) {
  const times = new Set();
  const start = new Date(now);
  start.setMinutes(5, 0, 0);
  for (let hour = 0; hour < 26; hour += 1) times.add(start.getTime() - hour * kHour);
  const evening = new Date(now);
  evening.setHours(21, 5, 0, 0);
  for (let day = 1; day < 40; day += 1) times.add(evening.getTime() - day * kDay);
  for (let week = 6; week < 56; week += 1) times.add(evening.getTime() - week * 7 * kDay);
  for (let month = 13; month < 60; month += 1) times.add(evening.getTime() - month * 30 * kDay);
  return [...times].filter((time) => time <= now).sort((a, b) => a - b);
}

export function makeVault({ seed, now, files, bigFolder }) {
  const random = generator(seed);
  const pick = (list) => list[Math.floor(random() * list.length)];
  const times = pointTimes(now);
  const last = times.length - 1;
  const root = {
    name: '',
    path: '/',
    type: 'directory',
    children: new Map(),
    from: 0,
    until: last,
  };
  let count = 0;

  function folder(path, from = 0) {
    let node = root;
    for (const name of path.split('/').filter(Boolean)) {
      let next = node.children.get(name);
      if (next === undefined) {
        next = {
          name,
          path: node.path === '/' ? `/${name}` : `${node.path}/${name}`,
          type: 'directory',
          children: new Map(),
          from,
          until: last,
        };
        node.children.set(name, next);
      }
      next.from = Math.min(next.from, from);
      node = next;
    }
    return node;
  }

  /** A file lives from one point to another and changes at some in between. */
  function file(parent, name, more = {}) {
    if (parent.children.has(name)) return parent.children.get(name);
    const from = more.from ?? Math.floor(random() ** 3 * last * 0.8);
    const until =
      more.until ?? (random() < 0.03 ? from + Math.floor(random() * (last - from)) : last);
    const changes = more.changes ?? [];
    if (more.changes === undefined && random() < 0.25) {
      for (let n = Math.floor(random() * 5); n >= 0; n -= 1) {
        changes.push(from + 1 + Math.floor(random() * Math.max(1, until - from - 1)));
      }
    }
    const node = {
      name,
      path: parent.path === '/' ? `/${name}` : `${parent.path}/${name}`,
      type: more.type ?? 'file',
      from,
      until,
      changes: [...new Set([from, ...changes.filter((at) => at > from && at <= until)])].sort(
        (a, b) => a - b,
      ),
      size: more.size ?? Math.floor(10 ** (2 + random() * 4.5)),
      denied: more.denied ?? false,
      target: more.target,
      text: more.text,
      salt: Math.floor(random() * 1e9),
    };
    parent.children.set(name, node);
    if (node.type === 'file') count += 1;
    return node;
  }

  const home = '/home/anna';
  const documents = folder(`${home}/Dokumente`);
  file(documents, 'Angebot Dachausbau.txt', {
    from: 2,
    size: 2140,
    changes: [20, 60, last - 40, last - 12, last - 3],
    text: (version) =>
      [
        'Angebot Dachausbau',
        'Zimmerei Sommer, Lindenweg 4',
        '',
        `Stand ${version + 1}`,
        ...Array.from(
          { length: 4 + version * 2 },
          (_, n) =>
            `Position ${n + 1}: ${['Sparren', 'Dämmung', 'Fenster', 'Lattung'][n % 4]}, ${(n + 1) * (40 + version)} €`,
        ),
        '',
        `Summe: ${12400 + version * 350} €`,
      ].join('\n'),
  });
  file(documents, 'Steuererklärung 2023.pdf', { from: 5, size: 482_113, changes: [40, last - 30] });
  file(documents, 'Passwörter.kdbx', { from: 0, size: 20_480, changes: [last - 8, last - 1] });
  file(documents, '<img src=x onerror=alert(1)>.html', {
    from: 10,
    size: 912,
    text: () => '<script>document.title = "taken over"</script>\n<img src=x onerror=alert(1)>\n',
  });
  file(documents, 'Zeile\\x0aumbruch.txt', {
    from: 12,
    size: 40,
    text: () => 'a name with a line break\n',
  });
  file(documents, 'Verlorenes Rezept.txt', {
    from: 3,
    until: last - 2,
    size: 640,
    text: () => 'Zwetschgenkuchen\n500 g Mehl, 1 kg Zwetschgen, 80 g Butter\n',
  });
  file(documents, 'Vertrag von Berta.pdf', { from: 3, size: 88_120, denied: true });
  file(documents, 'aktuell', {
    type: 'symlink',
    from: 4,
    size: 0,
    target: 'Angebot Dachausbau.txt',
  });
  const pictures = folder(`${home}/Bilder/2024 Sommer`);
  for (let n = 1; n <= 240; n += 1) {
    file(pictures, `IMG_${String(n).padStart(4, '0')}.png`, { size: 2_100_000 + n * 3137 });
  }
  file(folder(`${home}/Bilder`), 'Logo.svg', {
    from: 2,
    size: 420,
    changes: [last - 10],
  });
  const secret = folder('/home/berta');
  secret.denied = true;
  const archive = folder(`${home}/Archiv/Messwerte`);
  for (let n = 0; n < bigFolder; n += 1) {
    file(archive, `messung-${String(n).padStart(6, '0')}.csv`, {
      from: 0,
      until: last,
      changes: [],
      size: 1000 + ((n * 7919) % 90_000),
    });
  }
  const years = ['2019', '2020', '2021', '2022', '2023', '2024', '2025'];
  while (count < files) {
    const at = folder(
      `${home}/${pick(['Dokumente', 'Projekte', 'Kunden'])}/${pick(years)}/${pick(kCustomers)}/${pick(kSubjects)}en`,
    );
    const batch = 20 + Math.floor(random() * 120);
    for (let n = 0; n < batch && count < files; n += 1) {
      const name = `${pick(kSubjects)} ${pick(kCustomers)} ${String(n + 1).padStart(3, '0')}.${pick(kExtensions)}`;
      file(at, name);
    }
  }

  const all = [];
  (function walk(node) {
    for (const child of node.children.values()) {
      all.push(child);
      if (child.type === 'directory') walk(child);
    }
  })(root);

  const points = times.map((time, index) => {
    let present = 0;
    let bytes = 0;
    for (const node of all) {
      if (node.type === 'file' && node.from <= index && index <= node.until) {
        present += 1;
        bytes += node.size;
      }
    }
    return {
      id: `p${String(index + 1).padStart(5, '0')}`,
      time: new Date(time).toISOString(),
      sequence: index + 1,
      files: present,
      directories: all.filter((node) => node.type === 'directory').length,
      bytes,
      new_bytes: Math.floor(10 ** (4 + random() * 4)),
      consistency: index % 11 === 4 ? 'best-effort' : 'snapshot',
      skipped: index % 13 === 6 || index === last - 1 ? 1 + (index % 5) : 0,
    };
  });

  return { root, all, points, times, home, last };
}

export const isThere = (node, index) => node.from <= index && index <= node.until;

/** Which state of the file a point holds: 0 for the first. */
export function versionAt(node, index) {
  return node.changes.filter((at) => at <= index).length - 1;
}

export function stateAt(vault, node, index) {
  if (node.type === 'directory') return { size: 0, modified: vault.points[index].time };
  const version = Math.max(0, versionAt(node, index));
  const at = vault.times[node.changes[version]];
  return {
    size: node.type === 'symlink' ? 0 : node.size + version * (37 + (node.salt % 400)),
    modified: new Date(at - (node.salt % (40 * 60)) * 1000).toISOString(),
  };
}

export function find(vault, path) {
  let node = vault.root;
  for (const name of path.split('/').filter(Boolean)) {
    node = node.children?.get(name);
    if (node === undefined) return null;
  }
  return node;
}
