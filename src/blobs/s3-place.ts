/**
 * Where a bucket is, and the key for it, by the environment.
 *
 * Variables of a bucket, as other clients of S3 read them:
 *
 *     AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY    a key that may list the bucket, and get, put and delete below the prefix
 *     AWS_SESSION_TOKEN                           of a temporary key; it is not renewed
 *     AWS_REGION                                  with an endpoint of one's own `us-east-1` if not set
 *     AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL       scheme, host and port of another service than AWS; the bucket is then in
 *                                                 the path, else in the name of the host
 */
import { AppError } from '../core/errors.js';
import type { S3Place } from './s3-request.js';

type Env = Readonly<Record<string, string | undefined>>;

const REGION = /^[a-z0-9-]{1,32}$/;

const invalid = (problems: string): AppError => new AppError('CONFIG_INVALID', { problems });

/** Return where a bucket is, and the key for it. Errors CONFIG_INVALID, which names the variable and never its value. */
export function s3Place(bucket: string, env: Env): S3Place {
  const required = (name: string): string => {
    const value = env[name];
    if (!value) throw invalid(`${name} is required for a bucket`);
    return value;
  };
  const credentials = {
    accessKeyId: required('AWS_ACCESS_KEY_ID'),
    secretAccessKey: required('AWS_SECRET_ACCESS_KEY'),
    ...(env.AWS_SESSION_TOKEN ? { sessionToken: env.AWS_SESSION_TOKEN } : {}),
  };
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'])
    if (/[^\x21-\x7e]/.test(env[name] ?? '')) throw invalid(`${name} has spaces or other characters than ASCII`);
  const variable = env.AWS_ENDPOINT_URL_S3 ? 'AWS_ENDPOINT_URL_S3' : 'AWS_ENDPOINT_URL';
  const endpoint = env[variable];
  const region = endpoint && !env.AWS_REGION ? 'us-east-1' : required('AWS_REGION');
  if (!REGION.test(region)) throw invalid('AWS_REGION is not the name of a region');
  const inPath = `/${bucket}/`;
  if (endpoint) return { origin: originOf(variable, endpoint), path: inPath, region, credentials };
  const host = `s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
  // The certificate is for one name before the host, so not for a bucket with a dot.
  return bucket.includes('.')
    ? { origin: `https://${host}`, path: inPath, region, credentials }
    : { origin: `https://${bucket}.${host}`, path: '/', region, credentials };
}

function originOf(variable: string, endpoint: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  const isOrigin = url !== null && /^https?:$/.test(url.protocol) && `${url.origin}/` === url.href;
  if (!isOrigin) throw invalid(`${variable} is http or https, a host and a port`);
  return url.origin;
}
