/** The question of a probe: does the service answer? Bounded in time, one line in answer. */
import { systemWords } from './system-words.js';

interface Health {
  readonly ok: boolean;
  /** One line: the address with the status, or why there is no answer. */
  readonly says: string;
  /** The body of the answer; empty without one. */
  readonly body: string;
}

/** A body is a small object; nothing longer is read. */
const BODY_CHARACTERS_MAX = 65_536;

/** Request an address of a service. `answerMsMax`: time for the whole answer. It never throws. */
export async function askHealth(url: string, answerMsMax: number): Promise<Health> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(answerMsMax), redirect: 'manual' });
    const body = (await response.text()).slice(0, BODY_CHARACTERS_MAX);
    return { ok: response.status === 200, says: `${url} answered ${response.status}`, body };
  } catch (error) {
    const { name, message, cause } = error as Error & { cause?: NodeJS.ErrnoException };
    const why =
      name === 'TimeoutError'
        ? `none in ${answerMsMax} ms`
        : cause?.message || (cause && systemWords(cause)) || message;
    return { ok: false, says: `no answer: ${why}`, body: '' };
  }
}
