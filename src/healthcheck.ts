/** The health check of the container image: exit 0 while the service answers, 1 and a line that says why where it does not. */
import { readFileSync } from 'node:fs';
import { healthUrl } from './config/health-url.js';

/** Shorter than the time that the image gives this check. */
const ANSWER_MS_MAX = 2_500;

const { ZEEF_CONFIG } = process.env;
try {
  const fileText = ZEEF_CONFIG === undefined ? undefined : readFileSync(ZEEF_CONFIG, 'utf8');
  const url = healthUrl({ env: process.env, fileText });
  const { status } = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
  process.stdout.write(`${url} answered ${status}\n`);
  process.exitCode = status === 200 ? 0 : 1;
} catch (error) {
  const { message, cause } = error as Error & { cause?: Error };
  process.stdout.write(`no answer: ${cause?.message ?? message}\n`);
  process.exitCode = 1;
}
