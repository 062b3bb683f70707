/** Both sides of every range that is not public, and the notations that hide one. */
import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isPublicAddress } from '../../src/urls/public-address.js';

const numberOf = (address: string) => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
const addressOf = (number: number) => [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');

/** First and last address of each range, and whether the neighbours outside are public. */
const RANGES = [
  ['0.0.0.0', '0.255.255.255', null, true],
  ['10.0.0.0', '10.255.255.255', true, true],
  ['100.64.0.0', '100.127.255.255', true, true],
  ['127.0.0.0', '127.255.255.255', true, true],
  ['169.254.0.0', '169.254.255.255', true, true],
  ['172.16.0.0', '172.31.255.255', true, true],
  ['192.0.0.0', '192.0.0.255', true, true],
  ['192.0.2.0', '192.0.2.255', true, true],
  ['192.88.99.0', '192.88.99.255', true, true],
  ['192.168.0.0', '192.168.255.255', true, true],
  ['198.18.0.0', '198.19.255.255', true, true],
  ['198.51.100.0', '198.51.100.255', true, true],
  ['203.0.113.0', '203.0.113.255', true, true],
  ['224.0.0.0', '255.255.255.255', true, null],
] as const;

describe('IPv4', () => {
  test.each(RANGES)('%s to %s', (first, last, before, after) => {
    const [from, to] = [numberOf(first), numberOf(last)];
    for (const number of [from, from + 1, Math.floor((from + to) / 2), to - 1, to])
      expect(isPublicAddress(addressOf(number)), addressOf(number)).toBe(false);
    if (before !== null) expect(isPublicAddress(addressOf(from - 1))).toBe(before);
    if (after !== null) expect(isPublicAddress(addressOf(to + 1))).toBe(after);
  });

  test('property: an address is public exactly outside of all ranges', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 32 - 1), (number) => {
        const isSpecial = RANGES.some(([first, last]) => numberOf(first) <= number && number <= numberOf(last));
        expect(isPublicAddress(addressOf(number))).toBe(!isSpecial);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('IPv6', () => {
  test.each([
    '2000::',
    '2001:200::',
    '2001:4860:4860::8888',
    '2001:db7:ffff:ffff:ffff:ffff:ffff:ffff',
    '2001:db9::',
    '2003::1',
    '2606:4700::1111',
    '3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    '3fff:1000::',
    '3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  ])('%s is public', (address) => {
    expect(isIP(address)).toBe(6);
    expect(isPublicAddress(address)).toBe(true);
  });

  test.each([
    '::',
    '::1',
    // Mapped, compatible and translated addresses of IPv4: the host behind may be any.
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:8.8.8.8',
    '0:0:0:0:0:ffff:a00:1',
    '::10.0.0.1',
    '64:ff9b::10.0.0.1',
    '64:ff9b::808:808',
    '64:ff9b:1::1',
    '100::1',
    '1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    // Protocols, Teredo, ORCHID.
    '2001::',
    '2001:0:4136:e378:8000:63bf:3fff:fdd2',
    '2001:20::1',
    '2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff',
    '2001:db8::',
    '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff',
    // 6to4 of 10.0.0.1.
    '2002:a00:1::1',
    '2002::',
    '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    '3fff::',
    '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff',
    '4000::',
    '5f00::1',
    'fc00::1',
    'fdff::1',
    'fe80::1',
    'fe80::1%eth0',
    '2606:4700::1111%eth0',
    'fec0::1',
    'ff02::1',
  ])('%s is not', (address) => {
    expect(isIP(address)).toBe(6);
    expect(isPublicAddress(address)).toBe(false);
  });
});

test.each(['', 'localhost', '1.2.3', '1.2.3.4.5', '0x7f.0.0.1', '017700000001', '2130706433', '[::1]', '8.8.8.8 '])(
  '%j is no address',
  (text) => {
    expect(isPublicAddress(text)).toBe(false);
  },
);
