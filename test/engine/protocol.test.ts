/** Frames and replies between the service and a decoder process, also those of a broken peer. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeFrame, FrameReader, type HashReply, packReply, unpackReply } from '../../src/engine/protocol.js';

test('frames arrive whole and in order, however the stream is split', () => {
  const frames = fc.array(fc.tuple(fc.jsonValue(), fc.uint8Array({ maxLength: 300 })), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sent, cuts) => {
      const wire = Buffer.concat(
        sent.flatMap(([head, body]) => encodeFrame(head as Parameters<typeof encodeFrame>[0], body)),
      );
      const got: [unknown, number[]][] = [];
      const reader = new FrameReader((head, body) => got.push([head, [...body]]));
      for (let at = 0, n = 0; at < wire.length; n++) {
        const length = cuts[n % cuts.length]!;
        reader.push(wire.subarray(at, at + length));
        at += length;
      }
      expect(got).toEqual(sent.map(([head, body]) => [JSON.parse(JSON.stringify(head)), [...body]]));
    }),
  );
});

test('a frame that is too long and a head that is not JSON are refused', () => {
  const endless = Buffer.alloc(8);
  endless.writeUInt32LE(0xffff_ffff, 4);
  expect(() => new FrameReader(() => {}).push(endless)).toThrow('the peer is broken');
  const noJson = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 0x7b]);
  expect(() => new FrameReader(() => {}).push(noJson)).toThrow(SyntaxError);
});

test('a truncated reply is refused', () => {
  const hashes = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const rectangle = { left: -0.25, top: 0, right: 1, bottom: 0.5 };
  const window = {
    window: { kind: 'crop', rectangle, degrees: 0, proportion: 0.75 },
    quality: 77,
    hashes: [new Uint8Array(32).fill(3)],
    certain: new Uint8Array(32).fill(4),
  };
  const reply = {
    ok: true,
    digests: {},
    views: [
      { frame: 0, background: null, blockhash: null, families: [{ family: 'sharp', hashes }], windows: [window] },
    ],
  } as unknown as HashReply;
  const packed = packReply(reply);
  expect(unpackReply(packed)).toMatchObject({ views: [{ families: [{ hashes }], windows: [window] }] });
  for (const cut of [1, 32, 33, 64, 65, 119, 120, 121, 150, 184])
    expect(() => unpackReply(packed.subarray(0, -cut))).toThrow(RangeError);
});
