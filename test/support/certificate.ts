/**
 * A self-signed certificate of a server, made for one test: X.509 version 3 (RFC 5280) with a P-256 key (RFC 5480), written in DER (X.690).
 */
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { DAY_MS } from '../../src/core/period.js';

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OID = 0x06;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const BOOLEAN = 0x01;

function tlv(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  const length = body.length < 0x80 ? [body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

/** Object identifiers, encoded. */
const ECDSA_WITH_SHA256 = Buffer.from('2a8648ce3d040302', 'hex');
const COMMON_NAME = Buffer.from('550403', 'hex');
const SUBJECT_ALT_NAME = Buffer.from('551d11', 'hex');
const BASIC_CONSTRAINTS = Buffer.from('551d13', 'hex');

const algorithm = tlv(SEQUENCE, tlv(OID, ECDSA_WITH_SHA256));
const bits = (bytes: Uint8Array) => tlv(BIT_STRING, Buffer.from([0]), bytes);
const time = (ms: number) =>
  tlv(UTC_TIME, Buffer.from(`${new Date(ms).toISOString().replaceAll(/[-:T]/g, '').slice(2, 14)}Z`));
const pem = (label: string, der: Uint8Array) =>
  `-----BEGIN ${label}-----\n${Buffer.from(der).toString('base64').replaceAll(/.{64}/g, '$&\n').trimEnd()}\n-----END ${label}-----\n`;

export interface Certificate {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
}

/** Make a certificate for the names of a host, or for IPv4 addresses. It is an authority too, so a client may trust it alone. */
export function selfSigned(...names: readonly string[]): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const subject = tlv(
    SEQUENCE,
    tlv(SET, tlv(SEQUENCE, tlv(OID, COMMON_NAME), tlv(UTF8_STRING, Buffer.from('a test of Zeef')))),
  );
  const general = names.map((name) =>
    /^[\d.]+$/.test(name) ? tlv(0x87, Buffer.from(name.split('.').map(Number))) : tlv(0x82, Buffer.from(name)),
  );
  const extensions = tlv(
    SEQUENCE,
    tlv(SEQUENCE, tlv(OID, SUBJECT_ALT_NAME), tlv(OCTET_STRING, tlv(SEQUENCE, ...general))),
    tlv(
      SEQUENCE,
      tlv(OID, BASIC_CONSTRAINTS),
      tlv(BOOLEAN, Buffer.from([0xff])),
      tlv(OCTET_STRING, tlv(SEQUENCE, tlv(BOOLEAN, Buffer.from([0xff])))),
    ),
  );
  const serial = createHash('sha256').update(randomBytes(16)).digest().subarray(0, 8);
  serial[0]! &= 0x7f;
  const body = tlv(
    SEQUENCE,
    tlv(0xa0, tlv(INTEGER, Buffer.from([2]))),
    tlv(INTEGER, serial),
    algorithm,
    subject,
    tlv(SEQUENCE, time(Date.now() - DAY_MS), time(Date.now() + DAY_MS)),
    subject,
    publicKey.export({ format: 'der', type: 'spki' }),
    tlv(0xa3, extensions),
  );
  const signed = tlv(SEQUENCE, body, algorithm, bits(sign('sha256', body, privateKey)));
  return {
    certificate: pem('CERTIFICATE', signed),
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
  };
}
