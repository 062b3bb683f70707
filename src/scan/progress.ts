/** Progress of a scan, as numbers, as one line of 80 columns, and as one line of JSON. */
import type { ScanTally } from './tally.js';
import type { Throttle } from './throttle.js';

export interface Progress {
  readonly files: number;
  readonly pictures: number;
  readonly matched: number;
  readonly notChecked: number;
  readonly bytes: number;
  readonly seconds: number;
  /** Over the last 15 seconds. */
  readonly filesPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly expectedFiles: number | null;
  readonly etaSeconds: number | null;
  readonly paused: string | null;
}

const WINDOW_SECONDS = 15;

export class ProgressMeter {
  readonly #points: { readonly seconds: number; readonly files: number; readonly bytes: number }[] = [];

  constructor(
    readonly tally: ScanTally,
    readonly throttle: Throttle,
    readonly expectedFiles: () => number | null,
  ) {}

  now(): Progress {
    const { tally } = this;
    const { seconds, files, bytesRead } = tally;
    this.#points.push({ seconds, files, bytes: bytesRead });
    while (this.#points.length > 2 && this.#points[1]!.seconds < seconds - WINDOW_SECONDS) this.#points.shift();
    const first = this.#points.length > 1 ? this.#points[0]! : { seconds: 0, files: 0, bytes: 0 };
    const passed = Math.max(seconds - first.seconds, 0.001);
    const filesPerSecond = (files - first.files) / passed;
    const expected = this.expectedFiles();
    const left = expected === null ? null : Math.max(0, expected - files);
    return {
      files,
      pictures: tally.pictures,
      matched: tally.byVerdict.match,
      notChecked: tally.byVerdict.not_checked,
      bytes: tally.bytes,
      seconds: Math.round(seconds * 10) / 10,
      filesPerSecond: Math.round(filesPerSecond),
      megabytesPerSecond: Math.round((bytesRead - first.bytes) / 100_000 / passed) / 10,
      expectedFiles: expected,
      etaSeconds: left === null || filesPerSecond <= 0 ? null : Math.round(left / filesPerSecond),
      paused: this.throttle.holdsFor,
    };
  }
}

const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const count = (value: number) => (value < 1_000_000 ? value.toLocaleString('en') : SHORT.format(value));

export function duration(seconds: number): string {
  const [days, rest] = [Math.floor(seconds / 86_400), Math.floor(seconds % 86_400)];
  const two = (value: number) => String(value).padStart(2, '0');
  const clock = `${Math.floor(rest / 3600)}:${two(Math.floor((rest % 3600) / 60))}:${two(rest % 60)}`;
  return days > 0 ? `${days}d ${clock}` : clock;
}

/** At most 79 characters, so that the cursor stays on its line. */
export function progressLine(progress: Progress): string {
  const { files, pictures, matched, expectedFiles, etaSeconds, paused } = progress;
  const share = expectedFiles ? ` ${Math.min(99, Math.floor((files / expectedFiles) * 100))}%` : '';
  const end =
    paused !== null
      ? `paused: ${paused}`
      : etaSeconds === null
        ? duration(progress.seconds)
        : `ETA ${duration(etaSeconds)}`;
  const line =
    `${count(files)} files${share}  ${count(pictures)} images  ${count(matched)} hits  ` +
    `${count(progress.filesPerSecond)}/s ${progress.megabytesPerSecond} MB/s  ${end}`;
  return line.slice(0, 79);
}
