/** A dump of HMA's database, as `pg_dump` writes it: made here, never from an installation. */

type Row = readonly (string | number | null)[];

/** Return a block of COPY. Texts are escaped as PostgreSQL does. */
export function copyBlock(table: string, columns: readonly string[], rows: readonly Row[]): string {
  const field = (value: string | number | null) =>
    value === null
      ? '\\N'
      : String(value).replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  const lines = rows.map((row) => `${row.map(field).join('\t')}\n`);
  return `COPY public.${table} (${columns.join(', ')}) FROM stdin;\n${lines.join('')}\\.\n\n\n`;
}

export interface DumpParts {
  readonly banks?: readonly (readonly [id: number, name: string, ratio: number])[];
  /** Number, bank, `disable_until_ts`; then note and metadata. */
  readonly contents?: readonly Row[];
  readonly signals?: readonly (readonly [content: number, type: string, value: string])[];
  readonly exchanges?: readonly string[];
  /** Names of blocks in their order; by default as `pg_dump` has them. */
  readonly order?: readonly string[];
}

const HEAD =
  "--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = 'UTF8';\n\nCREATE TABLE public.bank (\n    id integer NOT NULL\n);\n\n\n";

/** Return a dump with columns in another order than the code that reads them names them, and with tables that it does not know. */
export function hmaDump({
  banks = [[1, 'DESK', 1]],
  contents = [],
  signals = [],
  exchanges = [],
  order = ['alembic_version', 'bank', 'bank_content', 'content_signal', 'exchange', 'exchange_data'],
}: DumpParts): string {
  const blocks: Readonly<Record<string, string>> = {
    alembic_version: copyBlock('alembic_version', ['version_num'], [['53fb7741007a']]),
    bank: copyBlock(
      'bank',
      ['id', 'name', 'enabled_ratio', 'import_from_exchange_id'],
      banks.map(([id, name, ratio]) => [id, name, ratio, null]),
    ),
    bank_content: copyBlock(
      'bank_content',
      [
        'bank_id',
        'id',
        'imported_from_id',
        'disable_until_ts',
        'original_content_uri',
        '"note"',
        'bank_content_metadata',
      ],
      contents.map(([id = 0, bank = 1, until = 1, note = null, metadata = null]) => [
        bank,
        id,
        null,
        until,
        null,
        note,
        metadata,
      ]),
    ),
    content_signal: copyBlock(
      'content_signal',
      ['content_id', 'create_time', 'signal_type', 'signal_val'],
      signals.map(([content, type, value]) => [content, '2026-01-02 03:04:05.6+00', type, value]),
    ),
    exchange: copyBlock(
      'exchange',
      ['id', 'name', 'api_cls', 'typed_config'],
      exchanges.map((name, at) => [at + 1, name, 'ncmec', '{"name": "a\tb"}']),
    ),
    exchange_data: copyBlock('exchange_data', ['id', 'pickled'], [[1, `\\x${'00'.repeat(40_000)}`]]),
  };
  return `${HEAD}${order.map((name) => `--\n-- Data for Name: ${name}; Type: TABLE DATA\n--\n\n${blocks[name]}`).join('')}--\n-- PostgreSQL database dump complete\n--\n\n`;
}
