/** Output of a scan: lines, hits and the summary. */
import { writeSync } from 'node:fs';
import { extname } from 'node:path';
import { AppError } from '../core/errors.js';
import { type PathBytes, pathFields } from '../core/path-bytes.js';
import type { FileResult } from '../scan/facts/file-result.js';
import { lineOf } from '../scan/report/line-of.js';
import { createOnMatch, type OnMatch } from '../scan/report/on-match.js';
import { summaryPage } from '../scan/report/page.js';
import { type QuarantineScript, writeQuarantineScript } from '../scan/report/quarantine.js';
import { summaryCsv, summaryText } from '../scan/report/summary-text.js';
import type { ScanSummary } from '../scan/tally.js';
import type { CliContext } from './context.js';
import { openOutput, unwritable, writeNamed } from './output-files.js';

export interface OutputFlags {
  readonly report?: string;
  readonly summary?: readonly string[];
  readonly quarantine?: string;
  readonly quarantineTo?: string;
  readonly onMatch?: string;
  readonly onMatchArg?: readonly string[];
  readonly listOthers?: boolean;
}

/** Size at which buffered lines are written; the rest is written at the end. */
const HELD_BYTES = 65_536;

/** A file of lines, one write a buffer, in order; a full disk is an error of that write. */
class LineFile {
  #held = '';
  readonly #opened: ReturnType<typeof openOutput>;
  constructor(readonly path: string) {
    try {
      this.#opened = openOutput(path);
    } catch (error) {
      throw unwritable('--report', path, error);
    }
  }
  write(line: string): void {
    this.#held += line;
    if (this.#held.length > HELD_BYTES) this.flush();
  }
  flush(): void {
    const held = this.#held;
    this.#held = '';
    if (held === '') return;
    try {
      writeSync(this.#opened.file, held);
    } catch (error) {
      throw unwritable('--report', this.path, error);
    }
  }
  close(): void {
    this.flush();
    this.#opened.close();
  }
}

const SUMMARIES: Readonly<Record<string, (summary: ScanSummary) => string>> = {
  '.txt': summaryText,
  '.json': (summary) => `${JSON.stringify(summary, null, 2)}\n`,
  '.csv': summaryCsv,
  '.html': summaryPage,
};

interface ScanOutput {
  line(line: object): void;
  result(result: FileResult): void;
  readonly other: ((path: PathBytes, kind: string) => void) | null;
  /** Errors: those of the system. */
  end(summary: ScanSummary): Promise<void>;
  /** Write what is held, and close the files: also where the scan failed. Errors: those of the system. */
  close(): void;
}

function writeSummary(file: string, text: string): unknown[] {
  try {
    writeNamed('--summary', file, text);
    return [];
  } catch (error) {
    return [error];
  }
}

/** Open the outputs that the flags name. Errors REQUEST_INVALID: unknown suffix of a summary; the system's. */
export function openScanOutput(cli: CliContext, flags: OutputFlags): ScanOutput {
  const summaries = (flags.summary ?? []).map((file) => {
    const render = SUMMARIES[extname(file).toLowerCase()];
    if (!render)
      throw new AppError('REQUEST_INVALID', { field: 'summary', got: file, expected: '.txt .json .csv .html' });
    return { file, render };
  });
  if (flags.quarantineTo === undefined && flags.quarantine !== undefined) {
    throw new AppError('REQUEST_INVALID', { field: 'quarantine', expected: 'a folder: --quarantine-to' });
  }
  const report = flags.report === undefined ? null : new LineFile(flags.report);
  const script: QuarantineScript | null =
    flags.quarantine === undefined ? null : writeQuarantineScript(flags.quarantine, flags.quarantineTo!);
  const onMatch: OnMatch | null =
    flags.onMatch === undefined
      ? null
      : createOnMatch(flags.onMatch, flags.onMatchArg ?? ['{path}'], (why) => cli.err(`zeef: on-match ${why}\n`));
  const line = (what: object) => {
    const text = `${JSON.stringify(what)}\n`;
    if (report) report.write(text);
    else cli.out(text);
  };
  return {
    line,
    result(whole) {
      if (whole.verdict === 'no_match') return;
      line(lineOf(whole));
      if (whole.verdict !== 'match') return;
      script?.add(whole.pathBytes, whole.digests.sha256 ?? '');
      onMatch?.run(whole);
    },
    other: flags.listOthers ? (path, kind) => line({ type: 'not_a_picture', ...pathFields(path), kind }) : null,
    async end(summary) {
      const programs = await onMatch?.finished();
      line({ type: 'summary', ...summary, ...(programs ? { onMatch: programs } : {}) });
      report?.flush();
      if (report) cli.out(summaryText(summary));
      // One that cannot be written costs none of the others.
      const faults = summaries.flatMap(({ file, render }) => writeSummary(file, render(summary)));
      if (faults[0]) throw faults[0];
    },
    close() {
      report?.close();
      script?.close();
    },
  };
}
