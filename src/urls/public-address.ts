/** Whether an address is one of the public internet: no request that a client causes goes to another one. */
import { BlockList, isIP, isIPv4 } from 'node:net';

/**
 * IPv4 that is not for the public internet: this network, private, shared (carriers), loopback, link-local, protocols, documentation,
 * relays, benchmarks, multicast, reserved and broadcast. Source: IANA IPv4 Special-Purpose Address Registry (RFC 6890), RFC 5771, RFC 1112.
 */
const SPECIAL_V4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const;

/** Of IPv6 only this is assigned to hosts of the internet: it has no loopback, mapped, translated, unique-local or link-local address. Source: RFC 4291, 2.4. */
const GLOBAL_V6 = ['2000::', 3] as const;
/** Within it: protocols with Teredo, documentation, and 6to4, whose addresses stand for those of IPv4. Source: IANA IPv6 Special-Purpose Address Registry. */
const SPECIAL_V6 = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const;

const special = new BlockList();
for (const [address, bits] of SPECIAL_V4) special.addSubnet(address, bits, 'ipv4');
for (const [address, bits] of SPECIAL_V6) special.addSubnet(address, bits, 'ipv6');
const global = new BlockList();
global.addSubnet(...GLOBAL_V6, 'ipv6');

/** Return false for anything that is no address, too. `address`: as resolvers return it, without brackets. */
export function isPublicAddress(address: string): boolean {
  // An address with a zone is of one link.
  if (isIP(address) === 0 || address.includes('%')) return false;
  if (isIPv4(address)) return !special.check(address, 'ipv4');
  return global.check(address, 'ipv6') && !special.check(address, 'ipv6');
}
