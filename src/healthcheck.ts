/** The health check of the container image, `zeef health` without the rest of Zeef to load: exit 0 while the service answers, 1 and a line that says why where it does not. */
import { readFileSync } from 'node:fs';
import { healthUrl } from './config/health-url.js';
import { askHealth } from './core/ask-health.js';

/** Shorter than the time that the image gives this check. */
const ANSWER_MS_MAX = 2_500;

const { ZEEF_CONFIG } = process.env;
try {
  const fileText = ZEEF_CONFIG === undefined ? undefined : readFileSync(ZEEF_CONFIG, 'utf8');
  const url = healthUrl({ env: process.env, fileText });
  const { ok, says } = await askHealth(url, ANSWER_MS_MAX);
  process.stdout.write(`${says}\n`);
  process.exitCode = ok ? 0 : 1;
} catch (error) {
  process.stdout.write(`no answer: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
