import { createDecipheriv, createHmac, hash, hkdfSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import sealInThread from '../../src/vault/seal-worker.js';
import { openIfSealed, openStream, sealStream } from '../../src/vault/sealed-stream.js';
import { type DataKey, unwrapDataKey, Vault, wrapDataKey } from '../../src/vault/vault.js';
import { randomBytes, seeded } from '../support/random.js';
import { dataKey, vaultOf } from '../support/vault.js';

const damagedSeal = expect.objectContaining({ code: 'SEALED_DAMAGED' });
const bytes = (...lengths: [number, number]) => fc.uint8Array({ minLength: lengths[0], maxLength: lengths[1] });

describe('values', () => {
  test('open to what was sealed; equal values have equal beginnings, and no others do', () => {
    const vault = vaultOf();
    fc.assert(
      fc.property(bytes(0, 200), bytes(0, 200), fc.nat(255), (a, b, label) => {
        const sealed = vault.seal(label, a);
        expect(Buffer.compare(vault.open(label, sealed), a)).toBe(0);
        expect(sealed.length).toBe(a.length + 30);
        const isEqual = Buffer.compare(a, b) === 0;
        expect(vault.seal(label, b).subarray(0, 14).equals(sealed.subarray(0, 14))).toBe(isEqual);
        expect(
          vault
            .seal((label + 1) % 256, a)
            .subarray(2, 14)
            .equals(sealed.subarray(2, 14)),
        ).toBe(false);
      }),
    );
  });

  test('are AES-256-GCM under a derived key: openable with the data key and standard functions', () => {
    const value = randomBytes(seeded(3), 32);
    const sealed = vaultOf(7).seal(5, value);
    const key = Buffer.from(hkdfSync('sha256', dataKey(7).key, '', 'zeef value', 32));
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(2, 14));
    decipher.setAAD(Buffer.of(5));
    decipher.setAuthTag(sealed.subarray(-16));
    expect(Buffer.concat([decipher.update(sealed.subarray(14, -16)), decipher.final()]).equals(value)).toBe(true);
    expect(sealed.readUInt16BE(0)).toBe(7);
  });

  test('have nonces, ids and marks that are the first bytes of HMACs under keys of their own', () => {
    const vault = vaultOf(7);
    for (const length of [0, 1, 32, 144]) {
      const value = randomBytes(seeded(length), length);
      const hmac = (use: string) => {
        const key = Buffer.from(hkdfSync('sha256', dataKey(7).key, '', `zeef ${use}`, 32));
        return createHmac('sha256', key).update(Buffer.of(200)).update(value).digest('hex');
      };
      expect(vault.seal(200, value).toString('hex', 2, 14)).toBe(hmac('value nonce').slice(0, 24));
      expect(vault.madeUpId(200, value)).toBe(`made-${hmac('entry id').slice(0, 24)}`);
      expect(vault.mark(200, value).toString('hex')).toBe(hmac('mark').slice(0, 32));
    }
  });

  test('are sealed in a batch as one by one, with the digests of their entries', () => {
    const vault = vaultOf(3);
    const values = [32, 16, 144, 32].map((length, at) => randomBytes(seeded(at), length));
    const labels = Uint8Array.of(0, 3, 1, 200);
    const ids = ['', 'id', '\u{1f600}', ''];
    const attributes = [null, '{"source":"é"}', null, '{}'];
    const outcome = sealInThread({
      keys: vault.shared,
      labels,
      lengths: Uint16Array.from(values, ({ length }) => length),
      values: Buffer.concat(values),
      areSealed: false,
      entries: { ids, attributes },
    });
    if (!outcome.ok) throw new Error('not sealed');
    const { sealed, digests, ids: madeIds } = outcome.batch;
    const alone = values.map((value, at) => vault.seal(labels[at]!, value));
    const made = values.map((value, at) => vault.madeUpId(labels[at]!, value));
    expect(Buffer.concat(alone).equals(sealed)).toBe(true);
    expect(madeIds).toBe(made.join(''));
    const expected = alone.map((value, at) => {
      const about = JSON.stringify([labels[at]!, ids[at] || made[at]!, attributes[at]!]);
      return hash('sha256', Buffer.concat([Buffer.from(about), value]), 'hex');
    });
    expect(Buffer.from(digests).toString('hex')).toBe(expected.join(''));
  });

  test('have equal marks if they are equal, under one label and one store, also after a rotation', () => {
    const keys = [dataKey(1)];
    const vault = new Vault(() => keys);
    const marks = [
      vault.mark(5, Buffer.from('a')),
      vault.mark(5, Buffer.from('b')),
      vault.mark(6, Buffer.from('a')),
      vaultOf(2).mark(5, Buffer.from('a')),
      // Neither an id nor a nonce of the same value.
      Buffer.from(vault.madeUpId(5, Buffer.from('a')).slice(5).padEnd(32, '0'), 'hex'),
      vault.seal(5, Buffer.from('a')).subarray(2, 18),
    ].map((mark) => mark.toString('hex').slice(0, 24));
    expect(new Set(marks).size).toBe(marks.length);
    keys.push(dataKey(2));
    vault.refresh();
    expect(vault.current).toBe(2);
    expect(vault.mark(5, Buffer.from('a')).toString('hex').slice(0, 24)).toBe(marks[0]);
    expect(vault.mark(5, Buffer.from('a'))).toHaveLength(16);
  });

  test('are refused with any one bit changed, truncated, or under another label', () => {
    const vault = vaultOf();
    const sealed = vault.seal(1, randomBytes(seeded(1), 32));
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const bad = Buffer.from(sealed);
      bad[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => vault.open(1, bad), `bit ${bit}`).toThrow(damagedSeal);
    }
    for (let length = 0; length < sealed.length; length++)
      expect(() => vault.open(1, sealed.subarray(0, length)), `${length} bytes`).toThrow(damagedSeal);
    expect(() => vault.open(2, sealed)).toThrow(damagedSeal);
  });

  test('are sealed by the newest key; a key of another process is loaded when needed', () => {
    const stored: DataKey[] = [dataKey(1)];
    const vault = new Vault(() => stored);
    const old = vault.seal(0, Buffer.from('old'));
    stored.push(dataKey(2));
    const other = new Vault(() => stored);
    expect(vault.open(0, other.seal(0, Buffer.from('new'))).toString()).toBe('new');
    expect(vault.open(0, old).toString()).toBe('old');
    expect(vault.seal(0, Buffer.from('x')).readUInt16BE(0)).toBe(2);
    expect(() => vault.open(0, vaultOf(3).seal(0, Buffer.from('x')))).toThrow(damagedSeal);
  });

  test('a data key opens only under its own master key and number, and only complete', () => {
    const [master, other] = [randomBytes(seeded(1), 32), randomBytes(seeded(2), 32)];
    const wrapped = wrapDataKey(master, dataKey(4));
    expect(unwrapDataKey(master, 4, wrapped).key).toEqual(Buffer.from(dataKey(4).key));
    const wrong = expect.objectContaining({ code: 'LIST_KEY_WRONG' });
    expect(() => unwrapDataKey(other, 4, wrapped)).toThrow(wrong);
    expect(() => unwrapDataKey(master, 5, wrapped)).toThrow(wrong);
    for (let at = 0; at < wrapped.length; at++) {
      const bad = Buffer.from(wrapped);
      bad[at]! ^= 1;
      expect(() => unwrapDataKey(master, 4, bad), `byte ${at}`).toThrow(wrong);
    }
  });
});

describe('streams', () => {
  const CHUNK = 1_048_576;
  const gather = async (source: AsyncIterable<Uint8Array>) => {
    const pieces: Uint8Array[] = [];
    for await (const piece of source) pieces.push(piece);
    return Buffer.concat(pieces);
  };
  const pieces = (all: Uint8Array, length: number) =>
    Array.from({ length: Math.ceil(all.length / length) }, (_, at) => all.subarray(at * length, (at + 1) * length));
  const sealed = (all: Uint8Array, length = 700_001) => gather(sealStream(vaultOf(), pieces(all, length)));

  test.each([0, 1, 15, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 17])(
    '%i bytes are read back, in pieces of any size',
    async (length) => {
      const all = randomBytes(seeded(length + 1), length);
      const whole = await sealed(all);
      for (const piece of [1_000, CHUNK + 16, 65_536, whole.length || 1]) {
        expect((await gather(openStream(vaultOf(), pieces(whole, piece)))).equals(all), `pieces of ${piece}`).toBe(
          true,
        );
      }
      // One tag for each chunk, and one for an empty stream.
      expect(whole.length).toBe(27 + length + 16 * Math.max(1, Math.ceil(length / CHUNK)));
    },
  );

  test.each([
    ['none', Buffer.alloc(100)],
    ['by an unknown key', Buffer.concat([Buffer.from('ZEEFSEAL\u0001\u0009\u0009'), Buffer.alloc(100)])],
  ])('its source is closed where it is no stream: %s', async (_, bytes) => {
    let isClosed = false;
    const source = (async function* () {
      try {
        yield bytes;
      } finally {
        isClosed = true;
      }
    })();
    await expect(gather(openStream(vaultOf(), source))).rejects.toMatchObject({ code: 'SEALED_DAMAGED' });
    expect(isClosed).toBe(true);
  });

  test('any change, cut, removal, move or addition is refused', async () => {
    const all = randomBytes(seeded(9), 2 * CHUNK + 100);
    const whole = await sealed(all);
    const refuse = (bad: Uint8Array, why: string) =>
      expect(gather(openStream(vaultOf(), [bad])), why).rejects.toMatchObject({ code: 'SEALED_DAMAGED' });
    const part = CHUNK + 16;
    const [first, second, last] = [
      whole.subarray(27, 27 + part),
      whole.subarray(27 + part, 27 + 2 * part),
      whole.subarray(27 + 2 * part),
    ];
    const head = whole.subarray(0, 27);
    await refuse(Buffer.concat([head, second, first, last]), 'moved');
    await refuse(Buffer.concat([head, first, last]), 'left out');
    await refuse(Buffer.concat([head, first, second]), 'cut at a chunk');
    await refuse(Buffer.concat([head, first, first, second, last]), 'twice');
    await refuse(Buffer.concat([whole, Buffer.of(0)]), 'added');
    for (const length of [0, 1, 26, 27, 30, 27 + part - 1, whole.length - 1])
      await refuse(whole.subarray(0, length), `${length} bytes`);
    const spots = [
      ...Array.from({ length: 27 }, (_, at) => at),
      27,
      5_000,
      27 + part - 1,
      27 + part,
      whole.length - 17,
      whole.length - 1,
    ];
    for (const at of spots) {
      const bad = Buffer.from(whole);
      bad[at]! ^= 1;
      await refuse(bad, `byte ${at}`);
    }
  });

  test('two seals of the same bytes differ, and another store opens neither', async () => {
    const all = randomBytes(seeded(2), 1_000);
    const [one, two] = [await sealed(all), await sealed(all)];
    expect(one.subarray(27).equals(two.subarray(27))).toBe(false);
    const stranger = new Vault(() => [{ id: 1, key: randomBytes(seeded(5), 32) }]);
    await expect(gather(openStream(stranger, [one]))).rejects.toMatchObject({ code: 'SEALED_DAMAGED' });
  });

  test('a file is read whether it is sealed or not, also one shorter than any seal', async () => {
    for (const text of ['', 'Z', 'ZEEFSEA', 'pdq 00\nmd5 11\n']) {
      const plain = Buffer.from(text);
      expect((await gather(openIfSealed(vaultOf(), pieces(plain, 3)))).toString()).toBe(text);
      expect((await gather(openIfSealed(vaultOf(), pieces(await sealed(plain), 5)))).toString()).toBe(text);
    }
  });
});
