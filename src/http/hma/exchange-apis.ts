/** Exchanges of HMA that are kinds of sources here: their names, what configures them, and the credentials that they take. */
import type { SourceType } from '../../core/vocabulary.js';
import type { Credentials } from '../../lists/import/source-secrets.js';
import type { SourceInfo } from '../../store/lists-contract.js';
import { HmaRefusal } from './faults.js';
import { type Fields, numberOf, textOf } from './forms.js';

/** A field of a form, as clients draw it. */
interface FormField {
  readonly name: string;
  readonly type: 'text' | 'number' | 'enum' | 'set of number';
  readonly required: boolean;
  readonly default: unknown;
  readonly help: string;
  readonly choices: readonly string[] | null;
}

interface SourcePart {
  readonly url: string;
  readonly members?: readonly string[];
  readonly privacyGroup?: string;
}

export interface ExchangeApi {
  /** HMA's. */
  readonly name: string;
  readonly type: SourceType;
  readonly configFields: readonly FormField[];
  readonly credentialFields: readonly FormField[];
  /** Errors HmaRefusal 400. */
  settingsOf(config: Fields): SourcePart;
  configOf(source: SourceInfo): Fields;
  /** Errors HmaRefusal 400. */
  credentialsOf(fields: Fields): Credentials;
}

const field = (name: string, more: Partial<FormField> = {}): FormField => ({
  name,
  type: 'text',
  required: true,
  default: null,
  help: '',
  choices: null,
  ...more,
});

/** Errors HmaRefusal 400. */
function needed(fields: Fields, name: string): string {
  const text = textOf(name, fields[name]);
  if (text === undefined || text === '') throw new HmaRefusal(400, `${name} is required`);
  return text;
}

/** A service at another address than its publisher's, as a test has one. */
const addressOf = (fields: Fields, usual: string) => textOf('url', fields.url) ?? usual;
const URL_FIELD = field('url', { required: false, help: 'Base of the service, where it is not the usual one.' });

/** NCMEC's environments, by HMA's names. */
const ENVIRONMENTS: Readonly<Record<string, string>> = {
  Industry: 'https://report.cybertip.org/hashsharing',
  NPO: 'https://hashsharing.ncmec.org/npo',
  Exploitative: 'https://hashsharing.ncmec.org/exploitative',
  test_Industry: 'https://exttest.cybertip.org/hashsharing',
  test_NPO: 'https://hashsharing-test.ncmec.org/npo',
  test_Exploitative: 'https://hashsharing-test.ncmec.org/exploitative',
};

/** Errors HmaRefusal 400. */
function environmentOf(config: Fields): string {
  const named = textOf('environment', config.environment) ?? 'Industry';
  const url = ENVIRONMENTS[named] ?? Object.values(ENVIRONMENTS).find((one) => one === named);
  if (url === undefined) throw new HmaRefusal(400, 'Failed to parse `api_json`: environment is none of the choices');
  return addressOf(config, url);
}

/** Errors HmaRefusal 400. */
function membersOf({ only_esp_ids: ids }: Fields): readonly string[] {
  if (ids === undefined || ids === null) return [];
  if (!Array.isArray(ids)) throw new HmaRefusal(400, 'Failed to parse `api_json`: only_esp_ids is no list');
  return ids.map((id) => String(numberOf('only_esp_ids', id)));
}

export const EXCHANGE_APIS: readonly ExchangeApi[] = [
  {
    name: 'ncmec',
    type: 'ncmec',
    configFields: [
      field('environment', {
        type: 'enum',
        choices: Object.keys(ENVIRONMENTS),
        help: 'The programme of the membership.',
      }),
      field('only_esp_ids', {
        type: 'set of number',
        required: false,
        default: [],
        help: 'Only entries of these members.',
      }),
      URL_FIELD,
    ],
    credentialFields: [field('user'), field('password')],
    settingsOf: (config) => ({ url: environmentOf(config), members: membersOf(config) }),
    configOf: ({ url, members }) => ({
      environment: Object.keys(ENVIRONMENTS).find((name) => ENVIRONMENTS[name] === url) ?? url,
      only_esp_ids: members.map(Number),
    }),
    credentialsOf: (fields) => ({ user: needed(fields, 'user'), secrets: { password: needed(fields, 'password') } }),
  },
  {
    name: 'stop_ncii',
    type: 'stopncii',
    configFields: [URL_FIELD],
    credentialFields: [
      field('subscription_key'),
      field('fetch_function_key'),
      field('feedback_function_key', { required: false }),
    ],
    settingsOf: (config) => ({ url: addressOf(config, 'https://api.stopncii.org/v1') }),
    configOf: ({ url }) => ({ url }),
    credentialsOf: (fields) => {
      const feedbackKey = textOf('feedback_function_key', fields.feedback_function_key);
      return {
        user: null,
        secrets: {
          functionKey: needed(fields, 'fetch_function_key'),
          subscriptionKey: needed(fields, 'subscription_key'),
          ...(feedbackKey === undefined ? {} : { feedbackKey }),
        },
      };
    },
  },
  {
    name: 'tat',
    type: 'tech-against-terrorism',
    configFields: [URL_FIELD],
    credentialFields: [field('username'), field('password')],
    settingsOf: (config) => ({ url: addressOf(config, 'https://beta.terrorismanalytics.org') }),
    configOf: ({ url }) => ({ url }),
    credentialsOf: (fields) => ({
      user: needed(fields, 'username'),
      secrets: { password: needed(fields, 'password') },
    }),
  },
  {
    name: 'fb_threatexchange',
    type: 'threatexchange',
    configFields: [field('privacy_group', { type: 'number', help: 'Id of the privacy group.' }), URL_FIELD],
    credentialFields: [field('api_token')],
    settingsOf: (config) => {
      const group = config.privacy_group;
      // A longer number has lost its last digits when it is read, and is another group's.
      const isCut = typeof group === 'number' && !Number.isSafeInteger(group);
      if (isCut || typeof group === 'object' || !/^\d{1,30}$/.test(String(group ?? '')))
        throw new HmaRefusal(
          400,
          'Failed to parse `api_json`: privacy_group is required, a number; of more than 15 digits as text',
        );
      return { url: addressOf(config, 'https://graph.facebook.com/v9.0'), privacyGroup: String(group) };
    },
    // As text: a group's id may have more digits than a number.
    configOf: ({ url, privacyGroup }) => ({ privacy_group: privacyGroup, url }),
    credentialsOf: (fields) => ({ user: null, secrets: { accessToken: needed(fields, 'api_token') } }),
  },
];

export const apiNamed = (name: string): ExchangeApi | undefined => EXCHANGE_APIS.find((api) => api.name === name);
export const apiOfType = (type: SourceType): ExchangeApi => EXCHANGE_APIS.find((api) => api.type === type)!;
