import { crc32, deflateSync } from 'node:zlib';

// Node 20 has no zlib.crc32 in its early releases.
const table = Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});

function checksum(bytes) {
  if (crc32 !== undefined) return crc32(bytes);
  let value = 0xffffffff;
  for (const byte of bytes) value = table[(value ^ byte) & 0xff] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

function chunk(kind, body) {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(body.length);
  head.write(kind, 4, 'latin1');
  const tail = Buffer.alloc(4);
  tail.writeUInt32BE(checksum(Buffer.concat([head.subarray(4), body])));
  return Buffer.concat([head, body, tail]);
}

/** A landscape of hills under a sky, another one for every salt. */
export function picture(salt, width = 480, height = 320) {
  const rows = [];
  const hue = (salt % 60) / 60;
  for (let y = 0; y < height; y += 1) {
    const row = Buffer.alloc(1 + width * 3);
    for (let x = 0; x < width; x += 1) {
      const near = height * (0.74 + 0.09 * Math.sin(x / (60 + (salt % 23)) + salt));
      const far = height * (0.56 + 0.1 * Math.sin(x / (97 + (salt % 31)) + salt * 2));
      const [red, green, blue] =
        y > near
          ? [46, 92 + hue * 40, 60]
          : y > far
            ? [98, 140 + hue * 30, 120]
            : [
                250 - (1 - y / height) * 90,
                205 - (1 - y / height) * 40,
                170 + (1 - y / height) * 70,
              ];
      row.set([red, green, blue], 1 + x * 3);
    }
    rows.push(row);
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(Buffer.concat(rows))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
