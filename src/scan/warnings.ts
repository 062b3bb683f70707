/** Warnings of a scan: facts of the whole run that no line about one file has. One line on stderr each, and in the summary. */

interface WarningKind {
  /** True where the scan did not do all that it was asked for: then its exit code is 2. */
  readonly fails: boolean;
  /** At most 12 words. */
  readonly says: string;
}

/** The one table of warnings. Codes are added, never renamed; a test keeps the table of `docs/scan.md` equal. */
export const SCAN_WARNINGS = {
  NO_LIST: { fails: true, says: 'No list is in force, so nothing can match.' },
  NOTHING_EXAMINED: { fails: true, says: 'No file was examined; these were passed over.' },
  NAMED_SKIPPED: { fails: true, says: 'Named symbolic links or special files were not read.' },
  ROOT_EMPTY: { fails: true, says: 'A root that held files is empty; it may not be mounted.' },
  ETAGS_ONLY: { fails: true, says: 'These objects were not examined: no list has their ETags.' },
  WINDOWS_LACKING: { fails: true, says: 'These files have no windows of this detail; scan their paths again.' },
  SUMS_DIFFER: { fails: true, says: 'Counts of this scan differ, so its result is not complete.' },
  FILES_MISSING: { fails: false, says: 'Files of earlier scans were not seen; their rows are kept.' },
  INVENTORY_LOST: { fails: false, says: 'An inventory of earlier scans is gone; its files were read again.' },
  INCLUDE_UNMATCHED: { fails: false, says: 'An include pattern matched no file.' },
} as const satisfies Record<string, WarningKind>;

export type WarningCode = keyof typeof SCAN_WARNINGS;
export type WarningDetails = Readonly<Record<string, string | number>>;
export type ScanWarning = WarningDetails & { readonly code: WarningCode };

/** Warnings that the summary keeps; of all others only the number. A scan has one a root, a pattern or a kind of fault. */
const WARNINGS_MAX = 1_000;

export class ScanWarnings {
  readonly #kept: ScanWarning[] = [];
  #leftOut = 0;
  #fails = false;

  add(code: WarningCode, details: WarningDetails): ScanWarning {
    const warning = { ...details, code };
    this.take(warning);
    return warning;
  }

  /** Add one of another part of the scan. */
  take(warning: ScanWarning): void {
    this.#fails ||= SCAN_WARNINGS[warning.code].fails;
    if (this.#kept.length < WARNINGS_MAX) this.#kept.push(warning);
    else this.#leftOut++;
  }

  leaveOut(count: number): void {
    this.#leftOut += count;
  }

  get kept(): readonly ScanWarning[] {
    return this.#kept;
  }

  /** Number of warnings beyond those that are kept. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /** True once a warning makes the exit code 2. */
  get fails(): boolean {
    return this.#fails;
  }
}

/** Return the line of a warning for stderr. */
export function warningLine({ code, ...details }: ScanWarning): string {
  const facts = Object.keys(details).length > 0 ? ` ${JSON.stringify(details)}` : '';
  return `zeef: warning ${code}: ${SCAN_WARNINGS[code].says}${facts}\n`;
}
