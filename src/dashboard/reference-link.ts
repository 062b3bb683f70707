/** A link to what a reference names, on the tenant's own site. */
import { make } from './dom.js';
import type { Hit } from './types.js';

/** The address if it leads to a web site; the service checks that too. */
export const webAddress = ({ referenceUrl }: Pick<Hit, 'referenceUrl'>): string | null =>
  referenceUrl && /^https?:\/\//i.test(referenceUrl) ? referenceUrl : null;

/** Make a link that opens a tab of its own, which learns nothing of this page. */
export const outsideLink = (text: string, href: string): HTMLAnchorElement =>
  make('a', { href, target: '_blank', rel: 'noopener noreferrer' }, text);
