/**
 * One-line faults of the code that decides: policy, matching, limits, import rules, scan identity, authorisation.
 * `scripts/check-mutants.mjs` makes each of them and runs its tests, which must fail.
 *
 * [file, text, text of the mutant, tests]. The text occurs exactly once in the file.
 */
const POLICY = 'src/check/policy.ts';
const MATCH = 'src/check/match.ts';
const FOUND = 'src/check/decide-found.ts';
const GATE = 'src/tenants/tenant-gate.ts';
const SCRIPTS = 'src/engine/sandbox-scripts.ts';
const OF_MIGRATIONS = ['test/postgres/migrate.test.ts'];
const OF_ROWS = ['test/scan/facts'];
const OF_SANDBOX = ['test/engine/sandbox.test.ts'];
const BUCKET = 'src/tenants/token-bucket.ts';
const RULES = 'src/store/import-rules.ts';
const STAGED = 'src/lists/import/staged-rows.ts';
const SYNC = 'src/lists/import/spool-pages.ts';
const REVIEW = 'src/lists/import/import-review.ts';
const CROWDS = 'src/lists/import/crowds.ts';
const GENERATIONS = 'src/sqlite/lists/generations.ts';
const STREAM = 'src/scan/file-stream.ts';
const SETTLE = 'src/scan/settle.ts';
const PATTERN = 'src/scan/walk/pattern.ts';
const REQUESTS = 'src/scan/remote-requests.ts';
const TAR = 'src/scan/walk/tar-entries.ts';
const IDENTIFY = 'src/decode/identify.ts';
const AUTHORISE = 'src/http/authorise.ts';
const SITE = 'src/http/own-site.ts';
const BUDGET = 'src/http/body-budget.ts';
const STATUS = 'src/http/verdict-status.ts';
const VERDICT = 'src/http/routes/verdict.ts';
const ONE_HASH = 'src/http/one-hash.ts';
const OF_VERDICT = ['test/http/verdict.test.ts'];
const OF_ONE_HASH = ['test/http/one-hash.test.ts'];

const REACH = 'src/check/explain-reach.ts';
const EXPLAINED = 'src/check/explain-lists.ts';
const OF_EXPLAIN = ['test/check/explain.test.ts', 'test/check/explain-why.test.ts'];
const OF_EXPLAIN_HTTP = ['test/http/explain.test.ts'];
const OF_POLICY = ['test/check/policy.test.ts'];
const OF_POSSIBLE = ['test/check/possible.test.ts'];
const OF_URLS = ['test/urls/url-reader.test.ts', 'test/urls/public-address.test.ts'];
const OF_TURNS = ['test/engine/damage-beside.test.ts'];
const WATCHED = 'src/tenants/watched.ts';
const OF_WATCHED = ['test/tenants/watched.test.ts'];
const OF_LINES = ['test/http/hash-lines.test.ts'];
const OF_ITEMS = ['test/tenants/item-values.test.ts'];
const OF_MATCH = ['test/check/match.test.ts'];
const OF_BLOCKHASH = ['test/check/blockhash-detail.test.ts'];
const OF_SHAPE = ['test/check/one-dimensional.test.ts'];
const SHORT = 'src/lists/import/short-imports.ts';
const PARTS = 'src/core/parts.ts';
const SCANS = 'src/postgres/scans/scans.ts';
const BACK_SOURCE = 'src/postgres/move/source.ts';
const BACK_TARGET = 'src/sqlite/move/target.ts';
const BACK_MARK = 'src/postgres/move/mark.ts';
const OF_BACK = ['test/postgres/move-back.test.ts'];
const OF_INTO = ['test/postgres/move.test.ts'];
const OF_TARGET = ['test/sqlite/move-target.test.ts'];
const SHARD = 'src/scan/join/shard-work.ts';
const UNIT = 'src/scan/join/unit.ts';
const OF_JOINED = ['test/scan/joined-scan.test.ts'];
const OF_UNITS = ['test/scan/join-units.test.ts'];
const OF_JOINED_BUCKETS = ['test/scan/joined-bucket.test.ts'];
const LISTED_AHEAD = 'src/scan/join/list-ranges.ts';
const PUBLISH = 'src/service/publish-index.ts';
const INDEX_BLOBS = 'src/lists/index-blobs.ts';
const OF_PUBLISH = ['test/service/publish-index.test.ts'];
const OF_JOBS = ['test/lists/import/import-jobs.test.ts'];
const OF_GATE = ['test/tenants/tenant-gates.test.ts'];
const OF_BUCKET = ['test/tenants/token-bucket.test.ts'];
const OF_CROWDS = ['test/lists/import/crowds.test.ts'];
const OF_GENERATIONS = ['test/sqlite/generations.test.ts'];
const OF_REVIEW = ['test/lists/import/import-review.test.ts'];
const OF_STAGED = ['test/lists/import/staged-rows.test.ts'];
const OF_BOUNDS = ['test/hashlists/bounds.test.ts'];
const OF_CSV = ['test/hashlists/csv.test.ts'];
const OF_SYNC = ['test/lists/import/sync-list.test.ts'];
const OF_BOUNDED_WORK = ['test/core/bounded-work.test.ts'];
const OF_PUBLISHED = ['test/lists/import/sources/published.test.ts'];
const OF_FAULTS = ['test/lists/import/sources/faults.test.ts'];
const OF_SOURCES = ['test/http/list-sources.test.ts'];
const OF_SECRET = ['test/core/secret.test.ts'];
const OF_RULES = ['test/store/import-rules.test.ts'];
const OF_UPDATES = ['test/sqlite/updates.test.ts'];
const ROWS = 'src/store/lists/import-writer.ts';
const WITHDRAWALS = 'src/sqlite/lists/withdrawals.ts';
const OF_STREAM = ['test/scan/scan.test.ts'];
const IDENTITY = 'src/core/file-identity.ts';
const OF_IDENTITY = ['test/core/file-identity.test.ts'];
const OF_SOURCE = ['test/engine/file-source.test.ts'];
const OF_DECODING = ['test/engine/worker.test.ts'];
const OF_SETTLING = ['test/scan/settle.test.ts'];
const OF_WALKER = ['test/scan/walk/open-folders.test.ts'];
const OF_STALLS = ['test/scan/walk/stalls.test.ts'];
const OF_KEPT = ['test/scan/kept-rows.test.ts'];
const OF_KNOWN = ['test/scan/known-files.test.ts'];
const OF_GLOBS = ['test/scan/walk/globs.test.ts'];
const OF_REMOTE = ['test/scan/remote.test.ts'];
const OF_WARNINGS = ['test/scan/warnings.test.ts'];
const OF_NAMED = ['test/scan/walk/named.test.ts'];
const OF_KINDS = ['test/scan/walk/archive-kinds.test.ts'];
const OF_LARGE = ['test/scan/large-files.test.ts'];
const OF_IDENTIFY = ['test/decode/identify.test.ts'];
const OF_SETTLE = ['test/scan/settle.test.ts'];
const OF_DAMAGE = ['test/sqlite/damage-columns.test.ts'];
const OF_AUTHORISE = ['test/http/authorise.test.ts'];
const OF_SITE = ['test/http/own-site.test.ts'];
const OF_BUDGET = ['test/http/body-budget.test.ts'];

const SUMS = 'src/cases/feedback/sum-feedback.ts';
const PLAN = 'src/cases/feedback/plan-feedback.ts';
const SEND = 'src/cases/feedback/send-feedback.ts';
const SERVICE = 'src/cases/feedback/request-service.ts';
const CALLS = 'src/hashlists/feedback-calls.ts';
const OF_RENAMES = ['test/http/list-rename.test.ts'];
const OF_SUMS = ['test/cases/feedback/sum-feedback.test.ts'];
const OF_SEND = ['test/cases/feedback/send-feedback.test.ts'];
const FEEDBACK_ROUTE = 'src/http/routes/list-feedback.ts';
const OF_ROUTE = ['test/http/list-feedback.test.ts'];
const OF_NOTES = ['test/hashlists/ncmec-feedback.test.ts'];
const HOLD = 'src/cases/webhooks/hold-events.ts';
const OF_STORES = ['test/store/service-stores.test.ts'];
const OF_HOLD = ['test/cases/webhooks', 'test/store/service-stores.test.ts'];
const NEWS = 'src/sqlite/ledger/news.ts';
const OF_NEWS = ['test/store/ledger-stores.test.ts', 'test/sqlite/ledger-news.test.ts'];
const LATE_SYNC = 'src/sqlite/ledger/late-sync.ts';
const OF_LATE_SYNC = ['test/ledger/late-sync.test.ts'];
const OF_LATE_FLUSH = ['test/postgres/late-flush.test.ts'];
const LEDGER = 'src/postgres/ledger';
const OF_LEDGER = ['test/store/ledger-stores.test.ts'];
const PG_LISTS = 'src/postgres/lists';
const OF_PG_LISTS = ['test/store/lists-stores.test.ts'];
const OF_PG_IMPORTS = ['test/postgres/list-imports.test.ts'];
const S3_CLIENT = 'src/blobs/s3-client.ts';
const OF_S3_FAULTS = ['test/blobs/s3-faults.test.ts'];
const OF_CUTS = ['test/postgres/ledger-faults.test.ts'];
const OF_FOLD = ['test/postgres/ledger-fold.test.ts'];
const OF_CELLS = ['test/postgres/ledger-damage.test.ts'];
const OF_COLLECT = ['test/cases/webhooks'];
export const MUTANTS = [
  // Sums: no damaged row decides.
  ['src/sqlite/sums.ts', 'if (!isSound(table, row)) throw damaged(table, labelOf(table, row));', '', OF_DAMAGE],
  [PUBLISH, 'idOf(newest) !== filed.file && ', '', OF_PUBLISH],
  [PUBLISH, 'if (hasDamage() || !isWhole)', 'if (false)', OF_PUBLISH],
  [PUBLISH, 'if (isClosed) throw', 'if (false) throw', OF_PUBLISH],
  [PUBLISH, 'clock.monotonicMs() + PAUSE_MS', '0', OF_PUBLISH],
  [INDEX_BLOBS, ' || generation > newest', '', OF_PUBLISH],
  [INDEX_BLOBS, 'generation < oldest || ', '', OF_PUBLISH],
  ['src/lists/index-sections.ts', 'entryCount: keys.length - removedCount', 'entryCount: keys.length', OF_PUBLISH],
  ['src/lists/load-lists.ts', 'return read + removed;', 'return read;', OF_PUBLISH],
  ['src/lists/load-lists.ts', 'if (!areAsCounted(loaded))', 'if (false)', OF_PUBLISH],
  ['src/lists/index-sections.ts', 'piece.slice(', 'piece.subarray(', ['test/lists/index-sections.test.ts']],
  ['src/lists/index-sections.ts', 'if (to > end) break;', '', ['test/lists/index-sections.test.ts']],
  ['src/sqlite/lists/lists.ts', 'const value = isSoundEntry(row)', 'const value = true', OF_DAMAGE],
  [
    'src/sqlite/lists/lists.ts',
    'if (!isWhole) await this.#addParts(found, from, last);',
    'if (!isWhole) return;',
    OF_DAMAGE,
  ],
  // The feed of changes: a position is a generation of one store, and keys fit the index.
  [GENERATIONS, ' || row.token !== token', '', OF_GENERATIONS],
  [GENERATIONS, ' || !isSound(GENERATION, row)', '', OF_GENERATIONS],
  ['src/sqlite/lists/entry-table.ts', 'id > ENTRY_KEY_MAX', 'id > 2 * ENTRY_KEY_MAX', OF_GENERATIONS],
  ['src/sqlite/lists/list-settings.ts', 'listKey > LIST_KEY_MAX', 'listKey > 2 * LIST_KEY_MAX', OF_GENERATIONS],
  // Reviews: crowds.
  [CROWDS, 'matches.length > CROWD_OTHERS_MAX + 1', 'matches.length > CROWD_OTHERS_MAX', OF_CROWDS],
  [CROWDS, 'isNew(this.#positions[at]!)', 'true', OF_CROWDS],
  [
    ROWS,
    'if (this.counts.added > added) this.#added.add(this.#position);',
    'this.#added.add(this.#position);',
    OF_REVIEW,
  ],
  ['src/sqlite/inventory/inventory.ts', 'facts: isDamaged ? null :', 'facts:', OF_DAMAGE],
  // Policy: the verdict.
  [POLICY, 'distanceBits > radiusOf(', 'distanceBits >= radiusOf(', OF_POLICY],
  [POLICY, '(lowQuality && !list.matchLowQuality)', 'false', OF_POLICY],
  [POLICY, 'requestedDetail ?? list.detail', 'list.detail', OF_POLICY],
  [POLICY, 'windowKind === null || looksAt', 'true || looksAt', OF_POLICY],
  ['src/check/candidate.ts', "kind === 'match' && radiusBits < windowRule.radiusBits", 'false', OF_POSSIBLE],
  ['src/check/decide-found.ts', 'distance > (requestedRadiusBits ?? Infinity)', 'false', OF_POSSIBLE],
  ['src/check/decide-found.ts', "list.kind === 'suppression' || looksAt", 'true || looksAt', OF_POSSIBLE],
  [
    'src/check/decide-found.ts',
    'return matches.filter(({ suppressed }) => !suppressed)',
    'return matches',
    OF_POSSIBLE,
  ],
  ['src/check/match.ts', 'radiusBits <= LOOSE_FROM_BITS', 'true', OF_POSSIBLE],
  [POLICY, 'Math.min(list.radiusBits, requestedRadiusBits)', 'requestedRadiusBits', OF_POLICY],
  [POLICY, 'proposal.distance < held.distance', 'proposal.distance > held.distance', OF_POLICY],
  [POLICY, '> entryDaysMax * DAY_MS', '>= entryDaysMax * DAY_MS', OF_POLICY],
  [POLICY, 'Object.hasOwn(map, word)', 'word in map', OF_POLICY],
  [POLICY, 'p.quarantined ||', '', OF_POLICY],
  [POLICY, 'fileIsGood ||', '', OF_POLICY],
  [POLICY, "good.some((p) => p.matchType === 'exact')", 'good.length > 0', OF_POLICY],
  [POLICY, 'Number(a.suppressed) - Number(b.suppressed)', 'Number(b.suppressed) - Number(a.suppressed)', OF_POLICY],
  [POLICY, 'rank >= MATCHES_PER_LIST_MAX', 'rank > MATCHES_PER_LIST_MAX', OF_POLICY],
  [POLICY, 'if (rank === 0) return true;', '', OF_POLICY],
  [POLICY, 'MATCHES_PER_IMAGE_MAX - counts.size', 'MATCHES_PER_IMAGE_MAX', OF_POLICY],
  [POLICY, 'matches.length + unread', 'matches.length', OF_POLICY],
  [POLICY, 'shown.length < matchCount', 'shown.length <= matchCount', OF_POLICY],
  // Matching: which entries reach the policy.
  ['src/check/candidate.ts', 'list === null || (lists !== null && !lists.has(list.list))', 'list === null', OF_MATCH],
  // Explanations: their reasons are those of the policy.
  [
    REACH,
    'list.radiusBits + EXPLAINED_BEYOND_BITS) return',
    'list.radiusBits + EXPLAINED_BEYOND_BITS - 1) return',
    OF_EXPLAIN,
  ],
  [REACH, 'list.enabled ? []', 'true ? []', OF_EXPLAIN],
  [REACH, 'listByKey.get(listKey) ?? disabledByKey.get(listKey)', 'listByKey.get(listKey)', OF_EXPLAIN],
  [REACH, 'one.why.length < held.why.length ||', 'false ||', OF_EXPLAIN],
  [REACH, 'Math.min(256, widest + EXPLAINED_BEYOND_BITS)', 'widest', OF_EXPLAIN],
  [REACH, "why.push('certain_bits')", 'void 0', OF_EXPLAIN],
  [REACH, "why.push('window_too_far')", 'void 0', OF_EXPLAIN],
  [REACH, "why.push('no_detail')", 'void 0', OF_EXPLAIN],
  [EXPLAINED, "else if (isExpired(entry, one.list, atMs)) why.push('expired');", '', OF_EXPLAIN],
  [EXPLAINED, "if (isFileGood) why.push('known_good_file');", '', OF_EXPLAIN],
  [EXPLAINED, "if (isHeldBack(entry)) why.push('quarantined');", '', OF_EXPLAIN],
  [EXPLAINED, '&& goodValues.has(valueNameOf(one))', '', OF_EXPLAIN],
  [EXPLAINED, 'good.filter(isHash).map(valueNameOf)', 'shownValues', OF_EXPLAIN],
  [EXPLAINED, 'if (spoken.has(nameOf(one))) repeats.add(one.entryKey);', '', OF_EXPLAIN],
  [EXPLAINED, "list.kind === 'suppression' && why.length === 0", "list.kind === 'suppression'", OF_EXPLAIN],
  ['src/check/explain.ts', '[...matches, ...missed]', 'matches', OF_EXPLAIN_HTTP],
  // Imports: what is written, and when.
  [STAGED, 'bytes > bytesMax', 'false', OF_STAGED],
  [STAGED, 'if (shouldStop())', 'if (false)', OF_STAGED],
  [STAGED, 'await rm(path, { force: true })', 'await Promise.resolve()', OF_STAGED],
  [STAGED, 'begun = Buffer.concat([begun, piece.subarray(from)])', 'begun = Buffer.alloc(0)', OF_STAGED],
  [STAGED, "|| status !== 'active' || tags.length > 0 || hasNames(notes)", '', OF_STAGED],
  ['src/hashlists/formats/xml.ts', 'this.#depth > XML_DEPTH_MAX', 'false', OF_BOUNDS],
  ['src/hashlists/formats/xml.ts', 'this.#attributes > XML_ATTRIBUTES_MAX', 'false', OF_BOUNDS],
  ['src/hashlists/formats/json-records.ts', 'this.#depth > JSON_DEPTH_MAX', 'false', OF_BOUNDS],
  ['src/hashlists/formats/json-records.ts', 'this.#tokens > JSON_TOKENS_MAX', 'false', OF_BOUNDS],
  ['src/hashlists/formats/json-records.ts', 'why: error.message', "why: 'invalid JSON'", OF_BOUNDS],
  ['src/hashlists/formats/ncmec.ts', 'fingerprints.length >= FINGERPRINTS_MAX', 'false', OF_BOUNDS],
  ['src/hashlists/formats/ncmec.ts', 'this.#text.length > TEXT_CHARS_MAX', 'false', OF_BOUNDS],
  ['src/hashlists/sources.ts', 'records > SOURCE_PAGE_RECORDS_MAX', 'false', OF_BOUNDS],
  ['src/hashlists/sources.ts', 'link.length > LINK_CHARS_MAX', 'false', OF_BOUNDS],
  ['src/hashlists/value-rules.ts', 'OF_NOTHING.has(hex) || ', '', OF_BOUNDS],
  ['src/hashlists/value-rules.ts', ' || UNFILLED.test(hex)', '', OF_BOUNDS],
  ['src/hashlists/value-rules.ts', 'ONE_BYTE.test(hex)', 'false', OF_BOUNDS],
  ['src/hashlists/value-rules.ts', "hasBlockhashDetail(Buffer.from(hex, 'hex'))", 'true', OF_BOUNDS],
  ['src/hashlists/normalise.ts', ' && !UNPRINTABLE.test(text.trim())', '', OF_BOUNDS],
  ['src/hashlists/normalise.ts', 'tags.length <= TAGS_MAX', 'true', OF_BOUNDS],
  ['src/hashlists/formats/csv.ts', "columns: text.split(',').length", 'columns: text', OF_BOUNDS],
  ['src/hashlists/formats/csv.ts', 'if (!isClean) yield', 'if (false) yield', OF_CSV],
  ['src/hashlists/formats/csv-lines.ts', '!isClean ||', 'false ||', OF_CSV],
  ['src/hashlists/formats/csv-lines.ts', 'this.#isRow(one)', 'false', OF_CSV],
  ['src/hashlists/formats/csv-lines.ts', 'this.#isWholeRow(lines[0]!)', 'false', OF_CSV],
  ['src/hashlists/formats/csv-lines.ts', 'this.#held.length >= CSV_ROW_LINES_MAX', 'false', OF_CSV],
  ['src/lists/known-ids.ts', 'row.entry.algorithm === algorithm && ', '', ['test/lists/known-ids.test.ts']],
  ['src/cases/add-images.ts', 'if (!ids.has(sha256)) ', '', ['test/cases/add-images.test.ts']],
  [SYNC, 'bytes > bounds.bytes', 'false', OF_SYNC],
  [SYNC, 'seen.has(digestOf(next))', 'false', OF_SYNC],
  [SYNC, 'pages + 1 >= bounds.pages', 'pages >= bounds.pages', OF_SYNC],
  ['src/lists/import/page-reader.ts', 'signal: inTime', 'signal', OF_SYNC],
  ['src/lists/import/fetch-page.ts', '{ signals: [signal], ms: PAGE_MS_MAX }', '{ ms: PAGE_MS_MAX }', OF_SYNC],
  ['src/postgres/session.ts', "markBefore !== ''", 'false', ['test/postgres/pooler.test.ts']],
  ['src/postgres/session.ts', 'session.mark !== mark', 'false', ['test/postgres/pooler.test.ts']],
  ['src/http/hma/matching.ts', '!wasPdqSearched || !isPdqSearched()', 'false', ['test/http/hma/fails-closed.test.ts']],
  [
    'src/http/hma/matching.ts',
    'found.size === 0 && (lowQuality || isShared)',
    'false',
    ['test/http/hma/fails-closed.test.ts'],
  ],
  ['src/http/hma/matching.ts', 'mayFind(list) && (', '(', ['test/http/hma/fails-closed.test.ts']],
  ['src/http/hma/media.ts', "identify(image.bytes)?.group === 'video'", 'true', ['test/http/hma/fetched.test.ts']],
  [
    'src/http/hma/faults.ts',
    'routeOptions.url ?? url.split(/[?#]/, 1)[0]!',
    "routeOptions.url ?? ''",
    ['test/http/hma/fails-closed.test.ts'],
  ],
  ['src/http/hma/routes.ts', '!isCall && !isOfHma', '!isOfHma', ['test/http/hma/fails-closed.test.ts']],
  ['src/http/hma/exchanges.ts', 'source.user !== before.user', 'true', ['test/http/hma/fails-closed.test.ts']],
  [
    'src/http/authorise.ts',
    'list === null || !seesList',
    'list !== null && !seesList',
    ['test/http/hma/clients.test.ts'],
  ],
  ['src/http/authorise.ts', '  requireOwnSite(request);\n', '', ['test/http/hma/fails-closed.test.ts']],
  [
    'src/lists/in-force.ts',
    "kind === 'suppression' || sampleRatio > 0",
    'true',
    ['test/http/hma/fails-closed.test.ts'],
  ],
  ['src/check/policy.ts', "=== 'suppression' && !p.quarantined", "=== 'suppression'", ['test/check/policy.test.ts']],
  [
    'src/check/decide-found.ts',
    'perList >= ENTRIES_READ_PER_LIST_MAX && reader.isSpent',
    'perList >= ENTRIES_READ_PER_LIST_MAX',
    ['test/check/match.test.ts'],
  ],
  ['src/lists/banks.ts', 'entries >= entriesMax', 'entries > entriesMax', ['test/store/contents-stores.test.ts']],
  ['src/lists/banks.ts', '>= TENANT_BANKS_MAX', '> TENANT_BANKS_MAX', ['test/store/contents-stores.test.ts']],
  [
    'src/scan/facts/file-facts.ts',
    'if (decoding === 1) return degraded ||',
    'if (decoding === 1) return',
    ['test/scan/facts/file-facts.test.ts'],
  ],
  [
    'src/decode/png-rows.ts',
    "type === 'IEND' || !sound",
    "type === 'IEND'",
    ['test/decode/damaged-photographs.test.ts'],
  ],
  ['src/decode/png-rows.ts', 'counted.isDamaged && unchecked !== null', 'false', ['test/decode/png-rows.test.ts']],
  ['src/decode/jpeg.ts', "damage?.reason !== 'truncated'", 'false', ['test/decode/damaged-photographs.test.ts']],
  ['src/cli/output-files.ts', '!isReplaced || isOfKind(path, replaces)', 'true', ['test/cli/named-files.test.ts']],
  ['src/hashlists/importers.ts', "bank !== undefined && format !== 'hma'", 'false', ['test/http/list-imports.test.ts']],
  ['src/core/bounded-work.ts', 'if (signal.aborted) stop();', 'if (signal.aborted) {}', OF_BOUNDED_WORK],
  ['src/core/bounded-work.ts', 'ends.abort(signal.reason)', 'ends.abort()', OF_BOUNDED_WORK],
  ['src/core/bounded-work.ts', 'signal.removeEventListener', 'signal.addEventListener', OF_BOUNDED_WORK],
  ['src/lists/import/sync-schedule.ts', 'pLimit(SYNCS_AT_ONCE)', 'pLimit(1)', OF_SYNC],
  ['src/lists/import/sync-schedule.ts', 'if (isAsked(source)) return true;', '', OF_SOURCES],
  ['src/lists/import/sync-list.ts', 'placeOf(now) === placeOf(source)) return', 'now) return', OF_SOURCES],
  ['src/lists/import/source-secrets.ts', 'text.startsWith(prefix)', 'text.length > 0', OF_SOURCES],
  ['src/lists/import/source-session.ts', 'token !== null && !isFresh', 'false', OF_PUBLISHED],
  ['src/lists/import/spool-pages.ts', 'state.pages > 0 && GONE', 'false && GONE', OF_FAULTS],
  ['src/hashlists/source-addresses.ts', "place.type === 'ncmec' && ", 'false && ', OF_PUBLISHED],
  ['src/hashlists/source-addresses.ts', 'isForgotten ? null : checkpoint', 'checkpoint', OF_PUBLISHED],
  ['src/hashlists/source-addresses.ts', 'address.origin !== base.origin', 'false', OF_FAULTS],
  ['src/hashlists/ncmec-members.ts', 'RECORD_DEPTH && isOther', 'RECORD_DEPTH && false', OF_PUBLISHED],
  ['src/core/secret.ts', '?.trim()', '', OF_SYNC],
  ['src/core/secret.ts', 'CONTROL.test(secret)', 'false', OF_SECRET],
  ['src/check/candidate.ts', "query?.algorithm === 'blockhash' && ", 'false && ', OF_BLOCKHASH],
  ['src/check/candidate.ts', 'query: gated(query), certain', 'query, certain', OF_SHAPE],
  ['src/check/check-hashes.ts', "isUnspecific(only, Buffer.from(hex, 'hex')) ? null :", '', OF_SHAPE],
  ['src/check/check-hashes.ts', 'isLow || isUnspecific(algorithm, hash256)', 'isLow', OF_BLOCKHASH],
  ['src/core/pdq-shape.ts', 'LARGEST_MAX + TOLERANCE', 'LARGEST_MAX - 1', ['test/core/pdq-shape.test.ts']],
  [
    'src/core/pdq-shape.ts',
    'LARGEST_MAX * LARGEST_MAX) return false',
    '2 * LARGEST_MAX * LARGEST_MAX) return false',
    ['test/core/pdq-shape.test.ts'],
  ],
  ['src/core/blockhash-weight.ts', 'weight >= BLOCKHASH_WEIGHT_MIN', 'weight > BLOCKHASH_WEIGHT_MIN', OF_BLOCKHASH],
  ['src/core/blockhash-weight.ts', 'weight <= BLOCKHASH_WEIGHT_MAX', 'weight < BLOCKHASH_WEIGHT_MAX', OF_BLOCKHASH],
  [MATCH, '!isSeen(listByName.get(name))', 'false', OF_MATCH],
  [FOUND, '!entry || isExpired(entry, one.list, snapshot.atMs)', '!entry', OF_MATCH],
  [FOUND, 'distance < held.distance', 'distance > held.distance', OF_MATCH],
  [FOUND, 'all - chosen.length', '0', OF_MATCH],
  [FOUND, ' || distances.has(rawDistance)', '', OF_MATCH],
  [FOUND, ' && !counted.has(list.list)', ' && counted.has(list.list)', OF_MATCH],
  ['src/check/entry-reader.ts', 'this.#considered > this.budget.entries', 'false', OF_MATCH],
  ['src/check/entry-reader.ts', 'this.#sinceMs > this.budget.ms', 'this.#sinceMs >= this.budget.ms', OF_MATCH],
  ['src/tenants/item-values.ts', '<= ONE_IMAGE_BITS', '< ONE_IMAGE_BITS', OF_ITEMS],
  ['src/tenants/item-values.ts', '!image.turns.has(turn) && ', '', OF_ITEMS],
  ['src/tenants/item-values.ts', 'same.turns.add(turn)', 'undefined', OF_ITEMS],
  ['src/tenants/item-values.ts', "hash?.frame ?? ''", "''", OF_ITEMS],
  [WATCHED, 'match.family === origin.family &&', '', OF_WATCHED],
  [WATCHED, 'match.orientation === origin.orientation &&', '', OF_WATCHED],
  [WATCHED, 'match.frame === origin.frame &&', '', OF_WATCHED],
  [WATCHED, 'found.length > 0 || isOwn', 'isOwn', OF_WATCHED],
  [WATCHED, 'found.length > 0 || isOwn', 'found.length > 0', OF_WATCHED],
  [WATCHED, ' && query !== searched[0]', '', OF_WATCHED],
  ['src/tenants/item-values.ts', 'if (vector) values.push', 'if (false) values.push', OF_WATCHED],
  ['src/tenants/probing/probing.ts', 'radius * (1 - VECTOR_EDGE_SHARE)', 'radius', OF_WATCHED],
  [
    'src/tenants/probing/probing.ts',
    'if (queries >= BALL_QUERIES_NEAR_ENTRY) this.#alarm',
    'if (false) this.#alarm',
    OF_WATCHED,
  ],
  ['src/check/check-image.ts', "verdict: verdict === 'no_match'", "verdict: verdict !== 'match'", OF_SETTLE],
  ['src/check/recorder.ts', 'if (match.suppressed) continue;', '', ['test/check/recorder.test.ts']],
  ['src/check/recorder.ts', 'if (!isNew) return;', '', ['test/check/recorder.test.ts']],
  [
    'src/check/flood-guard.ts',
    'places.size <= this.placesMax',
    'places.size < this.placesMax',
    ['test/check/flood-guard.test.ts'],
  ],
  // NDJSON.
  ['src/http/hash-lines.ts', 'Math.ceil(bytes.length / 2);', 'Math.ceil(bytes.length / 3) + 1;', OF_LINES],
  ['src/http/hash-lines.ts', 'this.lineOf[this.count] = line;', '', OF_LINES],
  // JSON bodies.
  ['src/http/json-body.ts', 'if (++depth > JSON_DEPTH_MAX)', 'if (false)', ['test/http/json-body.test.ts']],
  ['src/http/json-body.ts', 'if (values > valuesMax)', 'if (values >= valuesMax)', ['test/http/json-body.test.ts']],
  [
    'src/http/json-body.ts',
    "Buffer.byteLength(text, 'utf8') <= PART_BYTES_MAX",
    'true',
    ['test/http/json-body.test.ts'],
  ],
  ['src/http/json-body.ts', 'if (bytes[at] === BACKSLASH) at++;', ';', ['test/http/json-body.test.ts']],
  // No list in force, and no record.
  ['src/lists/in-force.ts', "listByName.get(name)?.kind !== 'match' || ", '', ['test/http/no-list.test.ts']],
  [
    'src/lists/in-force.ts',
    '!indexes[algorithm].segments.some((segment) => liveCounts(segment).has(listKey))',
    '(info.entriesByAlgorithm[algorithm] ?? 0) === 0',
    ['test/lists/live-lists.test.ts'],
  ],
  ['src/lists/in-force.ts', 'enabled && (', '(', ['test/http/no-list.test.ts']],
  ['src/sqlite/lists/fresh-entries.ts', 'Date.parse(updatedAt) >= sinceMs', 'true', ['test/http/no-list.test.ts']],
  [
    'src/check/match-files.ts',
    'isAsked ? NOTHING_FOUND : NOTHING_SEARCHED',
    'NOTHING_FOUND',
    ['test/http/no-list.test.ts'],
  ],
  ['src/check/file-batch.ts', 'alsoAsked: ASKED_BY_IMAGES,', '', ['test/http/no-list.test.ts']],
  [MATCH, 'return [...ASKED_BY_IMAGES, ', 'return [', ['test/http/no-list.test.ts']],
  ['src/check/check-hashes.ts', ' || isUnspecific(hash.algorithm, hash256)', '', OF_BLOCKHASH],
  ['src/http/hash-streams.ts', '(isLow ? emptyLow : empty)[at]', 'empty[at]', OF_BLOCKHASH],
  ['src/http/hash-streams.ts', 'low += countLow(algorithm, piece);', '', OF_BLOCKHASH],
  ['src/service/readiness.ts', 'ledger.unwritableMs >= UNWRITABLE_MS_MAX', 'false', ['test/ledger/disk.test.ts']],
  [
    'src/ledger/writable.ts',
    'this.#failingSinceMs ??= steadyMs();',
    'this.#failingSinceMs = steadyMs();',
    ['test/ledger/writable.test.ts'],
  ],
  ['src/http/understood.ts', 'if (hosts.length > 1)', 'if (hosts.length > 2)', ['test/http/understood.test.ts']],
  [
    'src/http/file-parts.ts',
    "['7bit', '8bit', 'binary']",
    "['7bit', '8bit', 'binary', 'base64']",
    ['test/http/understood.test.ts'],
  ],
  // Hostile clients, sources and files.
  [
    'src/http/routes/check.ts',
    'if (results.length === 0 || keyed !== null) throw fault;',
    'throw fault;',
    ['test/http/multipart.test.ts'],
  ],
  ['src/http/counted-body.ts', 'caller.gate.takeBytes(chunk.length);', '', ['test/http/multipart.test.ts']],
  ['src/http/client-errors.ts', 'socket.writable && !hasBegun', 'socket.writable', ['test/http/client-errors.test.ts']],
  ['src/http/client-errors.ts', 'socket.setTimeout(stallMsMax);', '', ['test/http/client-errors.test.ts']],
  ['src/http/client-errors.ts', 'socket.writableLength > 0 && ', '', ['test/http/client-errors.test.ts']],
  ['src/http/json-body.ts', '? NUMBER_NAME_VALUES : 1', '? 1 : 1', ['test/http/json-body.test.ts']],
  [
    'src/http/routes/check-hashes.ts',
    'request.bodyShare?.takeMemory(items.length * ANSWER_BYTES);',
    '',
    ['test/http/body-budget.test.ts'],
  ],
  [
    'src/lists/import/spool-pages.ts',
    'if (state.pages > pagesBefore) return state;',
    '',
    ['test/lists/import/sync-list.test.ts'],
  ],
  [
    'src/sqlite/lists/mend-ids.ts',
    'for (const marks of cleared) onCleared(marks);',
    '',
    ['test/lists/import/made-up-ids.test.ts'],
  ],
  ['src/check/flood-guard.ts', 'tenant, digestOf(place));', 'tenant, place);', ['test/check/flood-guard.test.ts']],
  [
    'src/cases/webhooks/collect-events.ts',
    'more && !shouldStop();',
    'more;',
    ['test/cases/webhooks/run-webhooks.test.ts'],
  ],
  ['src/engine/decoder-output.ts', 'if (leftBytes <= 0) return;', '', ['test/engine/decoder-output.test.ts']],
  ['src/telemetry/log.ts', 'hooks: { streamWrite: terminalText },', '', ['test/telemetry/log.test.ts']],
  // Sandbox of the decoder.
  [SCRIPTS, 'cd /\n', '', OF_SANDBOX],
  [SCRIPTS, 'case $kept in *"|$inside/"*) ;; *) exit 4 ;; esac', ':', OF_SANDBOX],
  [SCRIPTS, '-o remount,bind,ro "$place"', '-o remount,bind "$place"', OF_SANDBOX],
  [SCRIPTS, '[ "$3" = no ] || [ "$pid" = 1 ] || exit 6', ':', OF_SANDBOX],
  [
    'src/engine/covers.ts',
    '.filter(({ path, keep }) => !keep.includes(path))',
    '.filter(({ keep }) => keep.length === 0)',
    OF_SANDBOX,
  ],
  ['src/engine/decoder-launch.ts', '(innerPid(pid) ?? pid)', 'pid', OF_SANDBOX],
  // Limits.
  [
    GATE,
    'if (rate) this.#bucket.reserve(count, rate, this.about.clock.monotonicMs());',
    'if (rate) this.#bucket.reserve(count, rate, this.about.clock.nowMs());',
    ['test/core/clock-jumps.test.ts'],
  ],
  [GATE, 'this.#inFlight >= Math.max', 'this.#inFlight > Math.max', OF_GATE],
  [GATE, 'if (isIn) this.#inFlight--;', 'this.#inFlight--;', OF_GATE],
  [GATE, 'wanted <= limit', 'wanted < limit', OF_GATE],
  [GATE, 'count > rate.batchMax', 'count >= rate.batchMax', OF_GATE],
  [GATE, 'alarmedPerSecond < checksPerSecond', 'alarmedPerSecond > checksPerSecond', OF_GATE],
  [GATE, 'if (day !== this.#day) return;', '', OF_GATE],
  [GATE, 'if (this.#ratePart === 1 || nowMs + EXCHANGE_MS > untilMs) this.#requireRate(waitMs);', '', OF_GATE],
  [GATE, 'nowMs + EXCHANGE_MS > untilMs', 'true', OF_GATE],
  [GATE, 'if (nowMs - this.#fadedMs >= EXCHANGE_MS / 2)', 'if (nowMs >= 0)', OF_GATE],
  [SHORT, 'if (made) return', 'if (made && job.bytes < 0) return', OF_JOBS],
  [
    PARTS,
    'if (filled < partBytes) continue;',
    'if (filled <= partBytes) continue;',
    ['test/blobs/blob-stores.test.ts'],
  ],
  [BUCKET, 'if (count > Math.max(burst, batchMax))', 'if (count >= Math.max(burst, batchMax))', OF_BUCKET],
  [BUCKET, 'if (waitMs <= this.waitMsMax)', 'if (waitMs < this.waitMsMax)', OF_BUCKET],
  [
    'src/lists/import/import-jobs.ts',
    '>= IMPORTS_WAITING_MAX',
    '> IMPORTS_WAITING_MAX',
    ['test/lists/import/import-jobs.test.ts'],
  ],
  [
    'src/scan/walk/archive-entry.ts',
    'this.#bytes > most',
    'this.#bytes > most * 2',
    ['test/scan/walk/archive.test.ts'],
  ],
  // Formats by their magic numbers, entries of archives, and digests of large files.
  [TAR, 'if (fed > most)', 'if (false)', OF_KINDS],
  [TAR, '&& !isSparse(pax)', '', OF_KINDS],
  [
    'src/scan/walk/archive-entry.ts',
    'if (!isNested) bounds.bytes',
    'if (isNested) bounds.bytes',
    ['test/scan/walk/archive.test.ts'],
  ],
  [
    'src/scan/walk/archive-entry.ts',
    "kind === 'archive' || kind === 'other_archive'",
    "kind === 'other_archive'",
    OF_KINDS,
  ],
  ['src/scan/walk/archive-entry.ts', 'for (const one of chunks) large.update(one);', '', OF_LARGE],
  ['src/scan/walk/zip-entries.ts', 'at + record - directoryBytes - directoryAt', '0', OF_KINDS],
  [
    'src/scan/walk/archive-visit.ts',
    'if (batch.some(({ facts }) => !stream.isUsable(facts))) return null;',
    '',
    OF_LARGE,
  ],
  [
    STREAM,
    "if (archives && facts.kind === 'other_archive' && facts.reason === 'not_an_image') return false;",
    '',
    OF_KINDS,
  ],
  [STREAM, "if (!archives && facts.kind === 'other_archive') return false;", '', OF_KINDS],
  [STREAM, "if (kind === 'other_archive' && this.request.archives)", 'if (false)', OF_KINDS],
  [
    'src/engine/image-engine.ts',
    "if (reply.reason === 'too_large') void",
    'if (false) void',
    ['test/engine/image-engine.test.ts'],
  ],
  ['src/check/read-image.ts', 'for (const one of kept) large.update(one);', '', OF_LARGE],
  [IDENTIFY, 'sum === Number.parseInt(field.trim(), 8)', 'true', OF_IDENTIFY],
  [IDENTIFY, ' === end.length)\n', ' <= end.length)\n', OF_IDENTIFY],
  [IDENTIFY, '(?:\\s|#', '(?:\\s+|#', OF_IDENTIFY],
  ['src/decode/jpeg.ts', ' || header.isOtherProcess', '', ['test/decode/formats.test.ts']],
  ['src/engine/lane.ts', 'if (!this.#process?.isReady) return;', '', ['test/engine/lane.test.ts']],
  [
    'src/engine/lane.ts',
    'Math.min(nowMs - this.#lookedMs, LOOK_MS_MAX)',
    'nowMs - this.#lookedMs',
    ['test/engine/lane.test.ts'],
  ],
  ['src/engine/lane.ts', "cause === 'memory' || (", 'false || (', ['test/engine/large-images.test.ts']],
  ['src/engine/lane.ts', "&& end === 'killed'", '&& false', ['test/engine/faults.test.ts']],
  [
    'src/engine/memory-room.ts',
    'Atomics.load(numbers, AT.turn) !== number || ',
    '',
    ['test/engine/large-images.test.ts'],
  ],
  ['src/engine/lane.ts', '> START_MS_MAX', '> 2 * START_MS_MAX', ['test/engine/lane.test.ts']],
  ['src/engine/image-engine.ts', " || cause === 'start'", '', ['test/engine/image-engine.test.ts']],
  // Import rules.
  [RULES, '(this.#rowsOfValue.get(name) ?? 1) + 1', '(this.#rowsOfValue.get(name) ?? 0) + 1', OF_RULES],
  [ROWS, 'atMs <= withdrawal.atMs', 'atMs < withdrawal.atMs', OF_UPDATES],
  [WITHDRAWALS, 'max(at_ms, excluded.at_ms)', 'excluded.at_ms', OF_UPDATES],
  [ROWS, 'withdrawal.version === this.#target.version', 'false', OF_UPDATES],
  [ROWS, '&& ms < thanMs', '&& ms <= thanMs', OF_UPDATES],
  [ROWS, 'for (const key of entry.named) this.#doubted.add(key);', '', OF_UPDATES],
  [ROWS, 'this.#large.delete(row.entry_id);', '', OF_UPDATES],
  [ROWS, 'entry.latestMs = atMs ?? entry.latestMs;', '', OF_UPDATES],
  [ROWS, 'this.#large.get(entryId)?.named.push(key);', '', OF_UPDATES],
  [ROWS, '!this.#seen.has(row.id) && this.#place.has(row.id)', 'this.#place.has(row.id)', OF_UPDATES],
  ['src/sqlite/lists/entry-place.ts', 'entry_id !== undefined && entry_id !== before.entry_id', 'false', OF_UPDATES],
  [ROWS, "if (mode === 'add') for (const { id } of rows)", 'for (const { id } of [] as Row[])', OF_UPDATES],
  [ROWS, 'if (isNewer) for (const', 'for (const', OF_UPDATES],
  [ROWS, 'for await (const rows of place.byKeys(this.#doubted)) await this.#drop(rows, true);', '', OF_UPDATES],
  [ROWS, 'for (const row of gone) this.#disableHeirs(row);', '', OF_UPDATES],
  [ROWS, 'updatedMs <= atMs', 'updatedMs < atMs', OF_UPDATES],
  ['src/store/lists/disabled-entries.ts', '&& !this.#isHeld(name, entry)', '', OF_UPDATES],
  ['src/store/lists/disabled-entries.ts', 'this.#held.delete(nameOf(row));', '', OF_UPDATES],
  [ROWS, 'this.#disabled.forget(row);', '', OF_UPDATES],
  [ROWS, '{ ...row, disabled: this.#disabled.has(row) ? 1 : 0 }', 'row', OF_UPDATES],
  ['src/sqlite/lists/entry-lookup.ts', '|| !isSoundEntry(raw)', '', OF_UPDATES],
  ['src/sqlite/lists/write-entries.ts', 'if (isBulk) makeEntryIndexes(db);', '', OF_UPDATES],
  [ROWS, 'else if (!this.#takeOver(entry))', 'else', OF_UPDATES],
  [REVIEW, 'await gate.settle();', '', ['test/lists/import/pdq-gate.test.ts']],
  [REVIEW, 'await gate.checkLater(waiting, note);', '', ['test/lists/import/pdq-gate.test.ts']],
  [REVIEW, 'note(waiting, gate.check(waiting));', '', ['test/lists/import/pdq-gate.test.ts']],
  [
    'src/lists/import/pdq-gate.ts',
    'canaries.length === 0 ? [shipped] ',
    'true ? [shipped] ',
    ['test/lists/import/pdq-gate.test.ts'],
  ],
  [
    'src/lists/import/pdq-gate.ts',
    'if (hashes256.length !== rows.length * HASH256_BYTES)',
    'if (false)',
    ['test/lists/import/pdq-gate.test.ts'],
  ],
  [REVIEW, 'canaries.count + knownGood', 'canaries.count', OF_REVIEW],
  [REVIEW, 'Math.max(ONE_DIMENSIONAL_COUNT_MIN, ', 'Math.max(0, ', OF_REVIEW],
  [REVIEW, 'Math.floor(pdqRows * ONE_DIMENSIONAL_SHARE_MAX)', '0', OF_REVIEW],
  [REVIEW, 'entriesBefore === 0 ? 0 : added + removed', 'added + removed', OF_REVIEW],
  [REVIEW, 'count > limit', 'count >= limit', OF_REVIEW],
  [REVIEW, '!healthy.has(reason)', 'reason.length > 0', OF_REVIEW],
  [REVIEW, "draft.mode === 'add' ? HEALTHY_UPDATE : HEALTHY", 'HEALTHY', OF_REVIEW],
  ['src/lists/import/canaries.ts', "kind !== 'suppression' || ", '', OF_REVIEW],
  // Scan identity: what is known, and of which file.
  [IDENTITY, 'a.size === b.size &&', '', OF_IDENTITY],
  [IDENTITY, 'a.mtimeNs === b.mtimeNs &&', '', OF_IDENTITY],
  [IDENTITY, 'a.ctimeNs === b.ctimeNs &&', '', OF_IDENTITY],
  [IDENTITY, 'a.inode === b.inode &&', '', OF_IDENTITY],
  [IDENTITY, ' &&\n    a.device === b.device', '', OF_IDENTITY],
  [STREAM, 'known!.scan === scan && ', '', OF_STREAM],
  [STREAM, ' && known!.generation === this.parts.matcher.generation', '', OF_STREAM],
  [STREAM, 'if (facts.code !== null && TRANSIENT.has(facts.code)) return false;', '', OF_STREAM],
  [STREAM, 'if (facts.reason !== null && this.request.retriesFailed) return false;', '', OF_STREAM],
  [STREAM, 'facts.frames === this.wants.frames || facts.image === null', 'true', OF_STREAM],
  [SETTLE, ' || facts.verdict !== verdict', '', OF_SETTLE],
  [SETTLE, ' || facts.isMissing', '', OF_KEPT],
  [SETTLE, 'file.kept ? fileRow', 'false ? fileRow', OF_KEPT],
  [SETTLE, 'if (!file.isRecorded) unmatched++;', 'unmatched++;', OF_SETTLE],
  [SETTLE, 'if (!file.isRecorded) answers', 'answers', OF_SETTLE],
  [STREAM, '(!naming || naming.takes(path, false))', 'true', OF_NAMED],
  [STREAM, "(look === 'known' && known?.kind", '(known?.kind', OF_NAMED],
  [STREAM, "look === 'special' && !naming", "look === 'special'", OF_NAMED],
  ['src/engine/read-target.ts', 'identity !== null && !isSameFile(identity, before)', 'false', OF_SOURCE],
  ['src/engine/read-target.ts', 'read < before.size || ', '', OF_SOURCE],
  ['src/engine/read-target.ts', ' | O_NONBLOCK', '', OF_SOURCE],
  ['src/engine/read-target.ts', 'followsLinks ? 0 : O_NOFOLLOW', '0', OF_SOURCE],
  [
    'src/engine/target-reader.ts',
    'isSlow ? this.#slowRow + 1 : 0',
    'isSlow ? this.#slowRow + 1 : this.#slowRow',
    OF_DECODING,
  ],
  ['src/engine/target-reader.ts', 'this.#slowRow = SLOW_ROW - 1', 'this.#slowRow = 0', OF_DECODING],
  ['src/engine/target-reader.ts', 'bytes > KEPT_BYTES', 'bytes >= KEPT_BYTES', OF_DECODING],
  ['src/engine/worker-progress.ts', 'if (step !== seen.step)', 'if (id < 0)', OF_DECODING],
  ['src/engine/worker-progress.ts', 'if (!seen.isSaid)', 'if (true)', OF_DECODING],
  ['src/engine/worker-progress.ts', 'sinceMs > STOPPED_AFTER * WATCH_MS ? 0 : sinceMs', 'sinceMs', OF_DECODING],
  ['src/engine/worker-progress.ts', ' / Math.max(1, decoding)', '', OF_DECODING],
  ['src/engine/worker-progress.ts', 'Math.min(sinceMs, ', 'Math.max(sinceMs, ', OF_DECODING],
  ['src/engine/worker-progress.ts', 'seen.wallMs * IDLE_SHARE', '0', OF_DECODING],
  ['src/engine/worker-progress.ts', '>= stallMs', '>= 2 * stallMs', OF_DECODING],
  ['src/scan/settle.ts', 'isEarly && isBusy()', 'isEarly', OF_SETTLING],
  ['src/scan/settle.ts', 'isEarly && isBusy()', 'isBusy()', OF_SETTLING],
  ['src/scan/settle.ts', 'this.#count >= TOGETHER_MAX', 'this.#count > TOGETHER_MAX', OF_SETTLING],
  // The walk: nothing is followed, and nothing is read that was not inspected.
  ['src/scan/walk/open-folders.ts', 'O_PATH | O_DIRECTORY | O_NOFOLLOW', 'O_PATH | O_DIRECTORY', OF_WALKER],
  ['src/scan/walk/open-folders.ts', 'device === null || ', 'true || ', OF_WALKER],
  ['src/scan/walk/file-reads.ts', 'O_RDONLY | O_NONBLOCK', 'O_RDONLY', OF_WALKER],
  ['src/scan/walk/look.ts', 'n < KNOWN_NUMBERS', 'n < KNOWN_NUMBERS - 1', OF_WALKER],
  ['src/scan/walk/walker.ts', 'this.#stalled(device) >= STALLS_MAX', 'false', OF_STALLS],
  ['src/scan/walk/walker.ts', 'this.#stalled(above) >= STALLS_MAX', 'false', OF_STALLS],
  // What is kept of files that are not seen.
  [STREAM, 'if (!known || !TRANSIENT.has(facts.code)) return null;', 'if (true) return null;', OF_KEPT],
  [STREAM, ' && !known!.isMissing', '', OF_KEPT],
  ['src/scan/known-inodes.ts', 'isSameFile(facts, identity) && ', '', OF_KNOWN],
  ['src/scan/known-inodes.ts', 'other && isSameFile(other, identity)', 'false', OF_KNOWN],
  [
    'src/scan/rematch.ts',
    'head.isMissing || (row.isUnseen && head.scan !== inventory.state.scan)',
    'head.isMissing',
    OF_KEPT,
  ],
  // What a scan is asked for: patterns, and the exit code.
  [PATTERN, "if (glob.startsWith('!')) throw", 'if (false) throw', OF_GLOBS],
  [PATTERN, "at === last ? '[^]+' : '(?:[^/]+/)*'", "at === last ? '[^/]+' : '(?:[^/]+/)*'", OF_GLOBS],
  [PATTERN, "at === last ? '[^]+' : '(?:[^/]+/)*'", "at === last ? '[^]+' : '(?:[^/]+/)+'", OF_GLOBS],
  [PATTERN, "isNegated ? '^' : ''", "''", OF_GLOBS],
  [PATTERN, 'const isAnchored = whole.includes', 'const isAnchored = alternative.includes', OF_GLOBS],
  ['src/scan/walk/globs.ts', '(isFolder || !isFolderOnly) && ', '', OF_GLOBS],
  ['src/scan/walk/globs.ts', 'if (isTaken && one.hasMatched) continue;', 'if (isTaken) continue;', OF_GLOBS],
  [
    'src/scan/scan.ts',
    'for (const row of rows) if (!row.isArchive) this.#walk.filter.takesFile(pathOf(row));',
    '',
    OF_STREAM,
  ],
  ['src/scan/tally.ts', "if (this.files === 0) this.warn('NOTHING_EXAMINED', this.skipped);", '', OF_WARNINGS],
  ['src/scan/warnings.ts', 'this.#fails ||= SCAN_WARNINGS[warning.code].fails;', '', OF_WARNINGS],
  [REQUESTS, '!isTlsFault(error) && ', '', OF_REMOTE],
  [REQUESTS, '(isLostConnection(error) || this.#hasAnswered)', 'true', OF_REMOTE],
  [REQUESTS, 'faults < FAULTS_MAX && ', '', OF_REMOTE],
  [REQUESTS, ' && !staysSo', '', OF_REMOTE],
  // Authorisation.
  // Websites, and the memory of bodies.
  [SITE, 'isLoopback(name) || allowed.has(name)', 'true', OF_SITE],
  [SITE, "site !== 'same-origin' && site !== 'none'", "site === 'cross-site'", OF_SITE],
  [SITE, '.host === from.host', '.hostname === from.hostname', OF_SITE],
  [SITE, 'inTarget ?? headers.host', 'headers.host', OF_SITE],
  [SITE, 'if (!(isRead && isPage(route))) requireOwnOrigin', 'requireOwnOrigin', OF_SITE],
  [SITE, "replace(/\\.$/, '')", "replace(/$/, '')", OF_SITE],
  [SITE, 'HEALTH.has(route) || ', '', OF_SITE],
  [BUDGET, 'this.#taken + bytes > bytesMax', 'this.#taken + bytes >= bytesMax', OF_BUDGET],
  [BUDGET, 'total <= SMALL_BYTES ? this.bytesMax : this.largeBytesMax', 'this.bytesMax', OF_BUDGET],
  [BUDGET, 'if (total > largeBytesMax)', 'if (false)', OF_BUDGET],
  [BUDGET, 'if (this.#holders <= 0)', 'if (false)', OF_BUDGET],
  [BUDGET, 'this.#taken = 0;', '', OF_BUDGET],
  [BUDGET, 'bodyShare?.hold();', '', OF_BUDGET],
  ['src/http/routes/check-hashes.ts', 'holding(request, () => parser.parse(body))', 'parser.parse(body)', OF_BUDGET],
  [BUDGET, 'share.take(bytes + PIECE_BYTES)', 'share.take(bytes)', OF_BUDGET],
  [BUDGET, 'roomBytes -= more;', '', OF_BUDGET],
  [BUDGET, "isWindow: 'growing' }", 'isWindow: true }', OF_BUDGET],
  [STATUS, "suppressed: 'passes'", "suppressed: 'refused'", OF_VERDICT],
  [STATUS, "verdictFails === 'open' && !hasFault", "verdictFails === 'open'", OF_VERDICT],
  [STATUS, 'const isUnchecked = hasFault || ', 'const isUnchecked = ', OF_VERDICT],
  [VERDICT, "needs('check', { checks: 1, keyInPath: true })", "needs('check', { keyInPath: true })", OF_VERDICT],
  [VERDICT, "adapters !== 'pict-rs'", 'false', OF_VERDICT],
  [
    ONE_HASH,
    'watchedBatch(service.openBatch(options, { isStream: false }), gate, service.probing)',
    'service.openBatch(options, { isStream: false })',
    OF_ONE_HASH,
  ],
  [ONE_HASH, 'reduced(request, answer)', 'answer', OF_ONE_HASH],
  ['src/http/at-end.ts', 'if (raw.closed) end();', 'if (false) end();', OF_BUDGET],
  [AUTHORISE, "!caller.scopes.has(one) && !caller.scopes.has('admin')", 'false', OF_AUTHORISE],
  [AUTHORISE, "!caller.scopes.has(one) && !caller.scopes.has('admin')", '!caller.scopes.has(one)', OF_AUTHORISE],
  [AUTHORISE, 'also === undefined ? [scope] : [scope, also(request)]', '[scope]', OF_EXPLAIN_HTTP],
  ['src/http/routes/explain.ts', "isJson(request) ? 'check:hashes' : 'check'", "'check'", OF_EXPLAIN_HTTP],
  ['src/http/routes/explain.ts', "needs('details', { checks: 1, also", "needs('details', { also", OF_EXPLAIN_HTTP],
  [AUTHORISE, ' || gate.info?.disabled', '', OF_AUTHORISE],
  [AUTHORISE, 'isGood = key !== null && isLive(key, Date.now())', 'isGood = key !== null', OF_AUTHORISE],
  [AUTHORISE, 'value !== undefined && !seesDetails(caller)', 'false', OF_AUTHORISE],
  [AUTHORISE, "scopes.has('details') || scopes.has('admin')", "scopes.has('details')", OF_AUTHORISE],
  [AUTHORISE, 'let needed = !isLoopback(host);', 'let needed = false;', OF_AUTHORISE],
  [AUTHORISE, "if (scope === 'admin') return;", '', OF_AUTHORISE],
  ['src/store/keys-contract.ts', 'Date.parse(expiresAt) > nowMs', 'Date.parse(expiresAt) >= nowMs', OF_AUTHORISE],
  ['src/store/keys-contract.ts', 'revokedAt === null && ', '', OF_AUTHORISE],
  // Feedback to publishers.
  ['src/cases/feedback/decision.ts', "status === 'notified' && ", 'false && ', OF_SUMS],
  ['src/cases/feedback/decision.ts', " && decision?.verdict === 'false_positive'", '', OF_SUMS],
  [SUMS, 'nameNow(match.list, generation) !== list || ', '', OF_SUMS],
  [SUMS, 'nameNow(match.list, generation)', 'match.list', OF_RENAMES],
  ['src/cases/decide-hit.ts', 'nameNow(hit.list, hit.generation) ?? hit.list', 'hit.list', OF_RENAMES],
  ['src/cases/webhooks/hold-events.ts', 'nameNow(match.list, hit.generation) ?? match.list', 'match.list', OF_RENAMES],
  ['src/lists/list-names.ts', 'generation < until', 'generation <= until', ['test/lists/list-names.test.ts']],
  ['src/lists/list-names.ts', 'a.until - b.until', 'b.until - a.until', ['test/lists/list-names.test.ts']],
  ['src/lists/rename-list.ts', 'job.list === list || ', '', ['test/lists/rename-list.test.ts']],
  ['src/lists/rename-list.ts', ' || job.list === to', '', ['test/lists/rename-list.test.ts']],
  [
    'src/lists/rename-list.ts',
    '[syncDuty(list), feedbackDuty(list)]',
    '[syncDuty(list)]',
    ['test/lists/rename-list.test.ts'],
  ],
  ['src/lists/rename-list.ts', 'list === OWN_SUPPRESSIONS || ', '', ['test/lists/rename-list.test.ts']],
  ['src/lists/rename-list.ts', ' || to === OWN_SUPPRESSIONS', '', ['test/lists/rename-list.test.ts']],
  ['src/lists/import/import-jobs.ts', 'isOfJob && ', '', ['test/lists/import/import-jobs.test.ts']],
  [POLICY, 'list: p.list.list', 'list: p.entry.list', ['test/lists/live-lists.test.ts']],
  ['src/check/entry-words.ts', 'mayBeValue(tag)', 'false', ['test/check/entry-words.test.ts']],
  [
    'src/check/entry-words.ts',
    'mayBeValue(name) || mayBeValue(text)',
    'mayBeValue(text)',
    ['test/check/entry-words.test.ts'],
  ],
  [
    'src/check/entry-words.ts',
    'length > room || mayBeValue(name)',
    'length >= room || mayBeValue(name)',
    ['test/check/entry-words.test.ts'],
  ],
  ['src/ledger/outcome.ts', 'matches.map(withoutWords)', 'matches', ['test/http/entry-words.test.ts']],
  [SUMS, 'match.suppressed && !match.quarantined', 'false', OF_SUMS],
  [SUMS, ' && !match.quarantined', '', OF_SUMS],
  [SUMS, 'if (!found.has(key) || match', 'if (match', OF_SUMS],
  [SUMS, " || match.matchType === 'exact') found", ') found', OF_SUMS],
  [SUMS, 'if (decision.at > sum.at) sum.at', 'sum.at', OF_SUMS],
  [SUMS, "falsePositive === 0 ? 'confirmed' : 'contested'", "'confirmed'", OF_SUMS],
  [SUMS, 'cursor = page.cursor', 'cursor = null', OF_SUMS],
  [SUMS, 'isDigest(algorithm) ?', 'true ?', OF_SUMS],
  [PLAN, '&& exact === 0', '&& exact > 0', ['test/cases/feedback/near-feedback.test.ts']],
  [PLAN, "if (verdict === 'contested') return 'contested';", '', OF_SEND],
  [PLAN, "if (state === 'removed') return 'removed';", '', OF_SEND],
  [PLAN, ' || sent.verdict !== verdict) return null', ') return null', OF_SEND],
  [PLAN, "if (sent.state === 'acknowledged') return 'sent';", '', OF_SEND],
  [PLAN, " && !refused ? 'refused'", " ? 'refused'", OF_SEND],
  [PLAN, 'environmentOf(source)}', "''}", OF_SEND],
  [SEND, "await note('begun', null);", '', OF_SEND],
  [SEND, "isTaken ? 'acknowledged' : 'refused'", "'acknowledged'", OF_SEND],
  [SEND, 'inARow = isTaken ? 0 : inARow + 1;', '', OF_SEND],
  [SEND, 'await requireSame(store, plan);', '', OF_SEND],
  [SEND, '{ ...secrets, functionKey: feedbackKey }', 'secrets', OF_SEND],
  [SEND, "verdict === 'confirmed' ? null : reasonsAddress", 'reasonsAddress', OF_SEND],
  [SEND, '>= (options.turnMs ?? Number.POSITIVE_INFINITY)', '< 0', OF_SEND],
  [FEEDBACK_ROUTE, 'if (!yes) {', 'if (false) {', OF_ROUTE],
  [FEEDBACK_ROUTE, 'atEnd(reply, () => gone.abort());', '', OF_ROUTE],
  [FEEDBACK_ROUTE, 'compareRows(sum, after) > 0', 'compareRows(sum, after) >= 0', OF_ROUTE],
  [FEEDBACK_ROUTE, 'retries: 0', 'retries: 3', OF_ROUTE],
  [SERVICE, "redirect: 'manual'", "redirect: 'follow'", OF_SEND],
  [SERVICE, 'NOT_OF_THE_ENTRY.has(status)', 'false', OF_SEND],
  [SERVICE, 'ok && isWebPage(answer)', 'false', OF_SEND],
  [SERVICE, 'ms: requestMs', 'ms: 60_000', OF_SEND],
  [SERVICE, 'bytes > ANSWER_BYTES_MAX', 'false', OF_SEND],
  [CALLS, 'source !== STOPNCII_SOURCE', 'false', OF_SEND],
  [CALLS, ' || /^\\.{1,2}$/.test(id)', '', OF_SEND],
  [CALLS, 'encodeURIComponent(id)', 'id', OF_SEND],
  ['src/hashlists/feedback-reasons.ts', 'found.length === 1', 'found.length > 0', OF_SEND],
  [
    'src/hashlists/feedback-reasons.ts',
    "if (!isListed) throw new AppError('SOURCE_FAILED', { why: 'invalid list of reasons' });",
    '',
    OF_SEND,
  ],
  ['src/hashlists/formats/ncmec-feedback.ts', 'one.type === type.toLowerCase()', 'true', OF_NOTES],
  ['src/hashlists/formats/ncmec-feedback.ts', 'this.#group = null;', '', OF_NOTES],
  ['src/hashlists/formats/ncmec-feedback.ts', 'this.#statements.length >= STATEMENTS_MAX', 'false', OF_NOTES],
  ['src/sqlite/lists/remove-list.ts', ", 'feedback']", ']', ['test/sqlite/remove-list.test.ts']],
  // Events that wait for a person.
  [HOLD, 'filter(({ suppressed }) => !suppressed)', 'filter(() => true)', OF_HOLD],
  [HOLD, ' || states.includes(undefined)', '', OF_HOLD],
  [HOLD, "if (!states.includes(true)) return 'withdraw';", '', OF_HOLD],
  [HOLD, "counted.some(({ matchType }) => matchType === 'exact') ? 'send' : 'wait'", "'wait'", OF_HOLD],
  [HOLD, "subject.split(' ')[0]!", 'subject', OF_HOLD],
  [HOLD, 'before === null || ', '', OF_HOLD],
  ['src/cases/webhooks/run-webhooks.ts', 'if (await hold.decided()) for', 'for', OF_HOLD],
  ['src/cases/webhooks/send-events.ts', 'store.hold(event, HELD_MS)', 'store.hold(event, HELD_MS * 1e6)', OF_HOLD],
  [
    'src/sqlite/service/webhooks.ts',
    "state = 'waiting' AND last_error = ?`",
    "state = 'waiting' AND ? <> ''`",
    OF_HOLD,
  ],
  // Images by their address.
  ['src/urls/url-reader.ts', 'addresses.every(isPublic)', 'addresses.some(isPublic)', OF_URLS],
  ['src/urls/url-reader.ts', 'if (!isAllowed(url, rules))', 'if (false)', OF_URLS],
  ['src/urls/url-reader.ts', 'bytes > FETCH_BYTES_MAX', 'false', OF_URLS],
  ['src/urls/url-reader.ts', 'redirects === REDIRECTS_MAX', 'redirects === 2 * REDIRECTS_MAX', OF_URLS],
  ['src/urls/host-rules.ts', 'rule.port === port &&', 'true &&', OF_URLS],
  ['src/urls/public-address.ts', "address.includes('%')", 'false', OF_URLS],
  // Messages of a library that threads share.
  ['src/decode/turns.ts', 'underWay(number) > UNDER_WAY ||', 'false ||', OF_TURNS],
  // News of the ledger.
  ['src/store/ledger-events.ts', 'isNews: counting !== null', 'isNews: true', OF_NEWS],
  ['src/store/ledger-events.ts', 'isNews: counted === null', 'isNews: true', OF_NEWS],
  ['src/store/ledger-events.ts', "status === 'possible' && isMatch", "status === 'possible'", OF_NEWS],
  ['src/store/ledger-events.ts', "&& status !== 'false_positive'", '', OF_NEWS],
  ['src/store/ledger-events.ts', 'isNews: counted !== null', 'isNews: false', OF_NEWS],
  [LATE_SYNC, "isSynced ? 'FULL' : 'NORMAL'", "isSynced ? 'NORMAL' : 'NORMAL'", OF_LATE_SYNC],
  [LATE_SYNC, 'if (this.#isDoubtful) this.#mend();', 'this.#isDoubtful = false;', OF_LATE_SYNC],
  [`${LEDGER}/writer.ts`, 'this.#unflushed.slice(at)', 'this.#unflushed.slice(at + 1)', OF_LATE_FLUSH],
  ['src/sqlite/ledger/retention.ts', 'eraseNews(db, chains, { id, tenant });', '', OF_NEWS],
  [NEWS, 'Math.max(since, Number(seq))', 'since', OF_NEWS],
  [NEWS, 'Math.max(since, Number(seq)) : since', 'Math.max(since, Number(seq)) : 0', OF_NEWS],
  [NEWS, "at?.hash.toString('hex') === hash", 'true', OF_NEWS],
  [NEWS, 'Number(id) > since || isRecent', 'isRecent', OF_NEWS],
  [NEWS, "link.kind === 'status' ? reopenedMs : hitsMs", 'hitsMs', OF_NEWS],
  [NEWS, 'if (chains.news.rows <= max) return;', 'return;', OF_NEWS],
  [NEWS, 'removeNews(db, chains, oldest, oldest.length);', 'removeNews(db, chains, oldest, 0);', OF_NEWS],
  [NEWS, 'WHERE quarantined = 0 AND', 'WHERE', OF_NEWS],
  ['src/cases/webhooks/collect-events.ts', 'tenant === null || one.tenant === tenant', 'true', OF_COLLECT],
  ['src/cases/webhooks/collect-events.ts', 'if (!ids.has(one.id)) continue;', '', OF_COLLECT],
  ['src/cases/webhooks/collect-events.ts', 'if (ids.length > 0 || lost > 0)', 'if (receivers.length > 0)', OF_COLLECT],
  ['src/sqlite/service/database.ts', 'Math.max(createdMs, position_ms - OVERLAP_MS)', 'position_ms', OF_NEWS],
  ['src/sqlite/ledger/verify.ts', 'newsHead(news).hash !== news.hash', 'false', ['test/sqlite/ledger-damage.test.ts']],
  ['src/sqlite/service/store-clock.ts', 'until_ms <= @storeMs + length_ms)', 'true)', OF_HOLD],
  ['src/sqlite/service/webhooks.ts', ', last_error = nullif(last_error, @held)', '', OF_HOLD],
  ['src/cases/webhooks/run-webhooks.ts', 'await collect();\n    if (isClosing) return;', '', OF_HOLD],
  ['src/postgres/service/webhooks.ts', 'FOR UPDATE SKIP LOCKED', '', OF_STORES],
  [`${PG_LISTS}/import.ts`, 'present?.revision !== list?.revision', 'false', OF_PG_IMPORTS],
  [`${PG_LISTS}/import.ts`, 'if (report !== null && (await isMade(sql, id))) return report;', '', OF_PG_IMPORTS],
  [`${PG_LISTS}/import.ts`, 'if (await isMade(sql, id)) return { report };', '', OF_PG_IMPORTS],
  [`${PG_LISTS}/import.ts`, 'await written.staging.requireWhole(sql);', '', OF_PG_IMPORTS],
  [`${PG_LISTS}/import.ts`, 'await holdRun(sql, written.id);', '', OF_PG_IMPORTS],
  [`${PG_LISTS}/activate.ts`, 'lastKey += rows;', '', OF_PG_LISTS],
  [`${PG_LISTS}/activate.ts`, 'AND held.disabled = 0 AND held.since < $4', '', OF_PG_LISTS],
  [`${PG_LISTS}/staging.ts`, 'if (!changed.has(row.id)) found.set(row.id, row)', 'found.set(row.id, row)', OF_PG_LISTS],
  [`${PG_LISTS}/staging.ts`, 'takes(key) && !this.#removed.has(key)', 'takes(key)', OF_PG_LISTS],
  [`${PG_LISTS}/data-keys.ts`, 'sealed.readUInt16BE(0) > known', 'false', OF_PG_IMPORTS],
  ['src/postgres/service/webhooks.ts', 'AND claims = $3', 'AND $3::int8 > 0', OF_STORES],
  [
    'src/postgres/service/webhooks.ts',
    ', last_error = nullif(last_error, $4)',
    ", last_error = coalesce(last_error, nullif($4, ''))",
    OF_STORES,
  ],
  ['src/postgres/service/webhooks.ts', 'ON CONFLICT (webhook_id, kind, subject) DO NOTHING ', '', OF_STORES],
  // Blobs in a folder or a bucket.
  ['src/blobs/summed-body.ts', 'if (!sum.digest().equals(held))', 'if (false)', ['test/blobs/summed-body.test.ts']],
  [S3_CLIENT, 'if (ifMatch !== undefined && etag !== ifMatch)', 'if (false)', OF_S3_FAULTS],
  [S3_CLIENT, "if (root.name === 'Error')", 'if (false)', OF_S3_FAULTS],
  [S3_CLIENT, 'if (id !== null) await this.#abortUpload(key, id).catch(() => {});', '', OF_S3_FAULTS],
  [S3_CLIENT, 'tokens.has(mark)', 'false', OF_S3_FAULTS],
  [S3_CLIENT, 'response.socket.setTimeout(0);', '', OF_S3_FAULTS],
  [S3_CLIENT, '=== mark', '!== mark', OF_S3_FAULTS],
  ['src/blobs/s3-request.ts', 'status !== NOT_IMPLEMENTED', 'true', OF_S3_FAULTS],
  ['src/blobs/s3-request.ts', 'signer.encodedPath = path;', '', ['test/blobs/s3-client.test.ts']],
  ['src/core/unfinished.ts', 'if (!SHARED_NAME.test(name)) continue;', '', ['test/core/unfinished.test.ts']],
  // The ledger of several writers.
  [`${LEDGER}/writer.ts`, 'if (this.#head === next) return;', '', OF_CUTS],
  [`${LEDGER}/writer.ts`, 'if (isAt(found, sent.link)) return sent.result;', '', OF_CUTS],
  [`${LEDGER}/writer.ts`, 'sent = this.#sent = null;', '', OF_CUTS],
  [`${LEDGER}/writer.ts`, 'if (this.#lost) throw this.#lost;', '', OF_CUTS],
  [`${LEDGER}/writer.ts`, 'performance.now() - this.#usedMs > RENEW_MS', 'false', OF_FOLD],
  [`${LEDGER}/append.ts`, 'ORDER BY tenant COLLATE "C", key COLLATE "C"', '', OF_CUTS],
  [`${LEDGER}/append.ts`, '(HIT)} ORDER BY tenant COLLATE "C", key', '(HIT)}', OF_CUTS],
  [`${LEDGER}/append.ts`, 'WHERE held.at <= $5', 'WHERE $5::int8 > 0', OF_LEDGER],
  [`${LEDGER}/append.ts`, 'counted.length === 0 && !recording.hasEvents', '!recording.hasEvents', OF_LEDGER],
  [`${LEDGER}/fold.ts`, "? 'FOR UPDATE' : 'FOR UPDATE SKIP LOCKED'", "? '' : ''", OF_LEDGER],
  [`${LEDGER}/fold.ts`, "throw new AppError('LEDGER_INVALID', { why });", 'void why;', OF_FOLD],
  [`${LEDGER}/fold.ts`, 'nowMs - sinceMs > WRITER_IDLE_MS_MAX', 'false', OF_FOLD],
  [`${LEDGER}/fold.ts`, 'AND ledger_link.seq <= given.seq', '', OF_FOLD],
  [`${LEDGER}/news.ts`, 'isKnown ? Number(number) : 0', 'Number(number)', OF_FOLD],
  [`${LEDGER}/news.ts`, 'number IS NULL OR number > $1', 'number > $1', OF_FOLD],
  [`${LEDGER}/ledger.ts`, 'await fold(sql, { ...this.#foldOptions, isAwaited: true });\n', '', OF_FOLD],
  [`${LEDGER}/verify.ts`, '!sha256(body).equals(body_hash)', 'false', OF_CELLS],
  [`${LEDGER}/verify.ts`, '!eventDigest(event).equals(digest)', 'false', OF_CELLS],
  [`${LEDGER}/verify.ts`, 'event.hash === null || !hash.equals(event.hash)', 'false', OF_CELLS],
  [`${LEDGER}/verify.ts`, 'hash !== null || ', '', OF_CELLS],
  [`${LEDGER}/verify.ts`, ' && own.length === version', '', OF_CELLS],
  [`${LEDGER}/verify.ts`, '!digest || !isAtNumber', '!digest', OF_CELLS],
  [`${LEDGER}/verify.ts`, 'position.seq !== seq || position.hash !== hash', 'false', OF_CELLS],
  [`${LEDGER}/verify.ts`, 'of expected.keys()', 'of [] as string[]', OF_CELLS],
  [`${LEDGER}/verify.ts`, "heads[0]!.no !== no || heads[0]!.hash.toString('hex') !== before", 'false', OF_CELLS],
  // Joined scans: a holder that lost its shard, keys that last, units that are completed and examined again.
  [SCANS, 'shardDuty(name, shard) || !(await isNewest(sql, lease))', 'shardDuty(name, shard)', OF_JOINED],
  [`${LEDGER}/append.ts`, ' AND NOT starts_with(held.key', ' AND NOT starts_with(held.fingerprint', OF_JOINED],
  [SHARD, 'if (this.#state.prepared !== null) await', 'if (this.#state.units < 0) await', OF_JOINED],
  [SHARD, '    await this.#examineAgain();\n', '', OF_JOINED],
  [SHARD, 'this.#state.deaths >= DEATHS_MAX', 'this.#state.units < 0', OF_JOINED],
  [SHARD, 'if (!isSame)', 'if (!isKnown)', OF_JOINED],
  [SHARD, '    tally.missing = counted;\n', '', OF_JOINED],
  [UNIT, '.filter((path) => !large.has(parentPath(path)))', '', OF_UNITS],
  [UNIT, 'FOLDER_NAMES_MAX };', 'Number.POSITIVE_INFINITY };', OF_UNITS],
  ['src/scan/join/shard-of.ts', 'home + 1 + at', 'home + at', OF_UNITS],
  ['src/scan/join/shard-of.ts', 'run < RANGES_TOGETHER_MAX && ', '', OF_UNITS],
  ['src/scan/join/shard-of.ts', 'run *= 4', 'run *= 2', OF_UNITS],
  // Buckets: a range is ended by the newest holder of the run, no shard closes before, and the last range of the run before is not cut.
  [LISTED_AHEAD, 'now.range.upTo === null || last >= now.range.upTo', 'true', OF_JOINED_BUCKETS],
  [LISTED_AHEAD, 'if (keys > 0 && isLongEnough()) return end(last, false);', '', OF_JOINED_BUCKETS],
  [LISTED_AHEAD, 'return end(null, true)', 'return end(last, true)', OF_JOINED_BUCKETS],
  [LISTED_AHEAD, 'if (tries >= TRIES_MAX) ', '', OF_JOINED_BUCKETS],
  [LISTED_AHEAD, "error.code === 'LEASE_LOST' || ", '', OF_JOINED_BUCKETS],
  [
    'src/scan/join/join-scan.ts',
    'if (tree instanceof BucketTree) await requireListed',
    'if (paths.length < 0) await requireListed',
    OF_JOINED_BUCKETS,
  ],
  [
    'src/scan/bucket/buckets.ts',
    'if (objects.length > 0) return true;',
    'return objects.length > 0;',
    OF_JOINED_BUCKETS,
  ],
  ['src/scan/bucket/bucket-tree.ts', ' || last === upTo', '', OF_JOINED_BUCKETS],
  [SCANS, 'if (scan?.run !== run) throw lost;', 'if (scan === undefined) throw lost;', OF_JOINED_BUCKETS],
  [SCANS, '!lease.duty.startsWith(listingDuty(name, ', '!lease.duty.startsWith(String(', OF_JOINED_BUCKETS],
  [SCANS, "listingDuty(name, '')) || !(await isNewest(sql, lease))", "listingDuty(name, ''))", OF_JOINED_BUCKETS],
  [SCANS, 'listed === undefined && ', '', OF_JOINED_BUCKETS],
  [SCANS, ' AND NOT EXISTS ($' + '{OPEN_RANGE})', '', OF_JOINED_BUCKETS],
  ['src/postgres/scans/ranges.ts', 'up_to = coalesce($3, up_to)', 'up_to = $3', OF_JOINED_BUCKETS],
  [
    UNIT,
    "if (upTo === null) throw new AppError('FILE_UNREADABLE'",
    "if (path === '') throw new AppError('FILE_UNREADABLE'",
    OF_JOINED_BUCKETS,
  ],
  [UNIT, 'if (work.isFolder(result.pathBytes)) unreadFolders++;', '', OF_JOINED_BUCKETS],
  [
    'src/scan/join/join-scan.ts',
    'shouldStop: () => stopping.isOverdue,',
    'shouldStop: scanParts.shouldStop,',
    OF_JOINED_BUCKETS,
  ],
  ['src/scan/join/root-mark.ts', 'root.inode}', 'root.path}', OF_JOINED],
  [SCANS, " AND NOT is_closed'", "'", OF_JOINED],
  [SCANS, 'if (row?.run !== run) throw lost;', 'if (row === undefined) throw lost;', OF_JOINED],
  [
    'src/duties/with-duty.ts',
    'if (!isGivenUp && performance.now() >= untilMs) lose();\n        return isGivenUp;',
    'return isGivenUp || performance.now() >= untilMs;',
    OF_JOINED,
  ],
  ['src/scan/join/join-scan.ts', ' && all.every(({ unreadFolders }) => unreadFolders === 0)', '', OF_JOINED],
  ['src/scan/join/inventories.ts', 'LOST.has(error.code)', 'LOST.size === 0', OF_JOINED],
  [UNIT, 'if (!this.#roots.has(path)) this', 'this', OF_JOINED],
  [
    ROWS,
    'entry_id: first.entry_id, digest: null }',
    'entry_id: first.entry_id }',
    ['test/sqlite/import-digests.test.ts'],
  ],
  [
    ROWS,
    'isSame && held.value.equals(row.value) ? row.digest',
    'true ? row.digest',
    ['test/sqlite/import-digests.test.ts'],
  ],
  [BACK_SOURCE, 'IN SHARE ROW EXCLUSIVE MODE', 'IN ACCESS SHARE MODE', OF_BACK],
  [BACK_SOURCE, 'if (live !== undefined)', 'if (false)', OF_BACK],
  [BACK_SOURCE, 'if (mark === null) await foldAll(database);', '', OF_BACK],
  [BACK_MARK, 'if (mark !== null) throw storeMovedAway(mark);', '', OF_BACK],
  [BACK_MARK, 'for (const table of TABLES)', 'for (const table of TABLES.slice(0, 3))', OF_BACK],
  [BACK_TARGET, "setMeta.run('usage_seed', usageSeed);", '', OF_BACK],
  [BACK_TARGET, 'max(removal) OVER (ORDER BY number)', 'removal', OF_BACK],
  [BACK_TARGET, 'found === null || found.token === ended.token', 'true', OF_TARGET],
  [BACK_TARGET, 'if (found === null && this.hasStore()) throw this.notEmpty();', '', OF_TARGET],
  [BACK_TARGET, 'guarded(() => unmarkMoving(this.#dataDir));', '', OF_BACK],
  [
    'src/sqlite/move/ledger.ts',
    'lastHash(db) ?? hashBeforeEvents(facts);\n  const insert',
    'hashBeforeEvents(facts);\n  const insert',
    OF_TARGET,
  ],
  ['src/sqlite/moved-mark.ts', 'if (moving === null) return;', 'return;', OF_BACK],
  // A move that is continued, and what another process does meanwhile.
  [BACK_TARGET, "if (metaOf(lists, 'values_plain') === 0) return;", '', OF_TARGET],
  [
    BACK_TARGET,
    "db.prepare(`INSERT INTO sqlite_sequence (name, seq) VALUES ('list', ?)`).run(lastListKey);",
    '',
    OF_TARGET,
  ],
  ['src/sqlite/move/source.ts', 'if (lost !== undefined) throw damaged(PAST_ENTRY, lost);', '', OF_TARGET],
  ['src/service/move-store.ts', 'different.length > 0 || problems.length > 0', 'different.length > 0', OF_BACK],
  [BACK_SOURCE, 'if (links!.rows > 0)', 'if (false)', OF_BACK],
  [BACK_SOURCE, 'await guarded(() => requireUnused(sql));', '', OF_BACK],
  ['src/postgres/move/target.ts', 'if (found?.rows !== from)', 'if (found === undefined)', OF_INTO],
  [
    'src/postgres/move/target.ts',
    'found?.source !== storeId || found.fingerprint !== fingerprint',
    'found === undefined',
    OF_INTO,
  ],
  // What a migration locks, and how long.
  ['src/postgres/migrate.ts', 'filter((name) => changed.has(name))', 'filter(() => true)', OF_MIGRATIONS],
  ['src/postgres/migrate.ts', 'const TABLES_MS_MAX = 500;', 'const TABLES_MS_MAX = 5_000;', OF_MIGRATIONS],
  ['src/postgres/migrate.ts', "text.replaceAll(/--.*/g, '')", 'text', OF_MIGRATIONS],
  ['src/postgres/migrate.ts', 'IN SHARE UPDATE EXCLUSIVE MODE', 'IN ACCESS SHARE MODE', OF_MIGRATIONS],
  // Windows at places of other tables.
  ['src/scan/facts/queries-from-rows.ts', "knowsPlaces ? wish.detail : 'plain'", 'wish.detail', OF_ROWS],
  ['src/scan/facts/packed-facts.ts', "WINDOW_TABLES || detail !== 'deep'", 'WINDOW_TABLES', OF_ROWS],
  ['src/scan/facts/packed-facts.ts', 'knowsPlaces ? packed?.slice() : null', 'packed?.slice()', OF_ROWS],
  ['src/scan/scan.ts', '[matcher.detail, WINDOW_TABLES]', '[matcher.detail]', ['test/scan/windows.test.ts']],
  ['src/core/batches.ts', 'if (batch.length > 0) yield batch;', '', ['test/lists/import']],
].map(([file, text, mutant, tests]) => ({ file, text, mutant, tests }));
