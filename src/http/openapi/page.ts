/** The page of the document: its name, mark and settings. All of it comes from this service (`page-policy.ts`). */
import type { FastifySwaggerUiOptions } from '@fastify/swagger-ui';
import { PACKAGE_VERSION } from '../../core/package-root.js';

/** A sieve, as on the dashboard. */
const MARK =
  '<path d="M2 4h16l-6 7v5l-4 2v-7z" fill="none" stroke="COLOUR" stroke-width="1.8" stroke-linejoin="round"/>';
const svg = (viewBox: string, inner: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${viewBox}">${inner}</svg>`;
const drawn = (colour: string) => MARK.replaceAll('COLOUR', colour);

const ICON = svg('0 0 20 20', drawn('#175ca0'));
const LOGO = svg(
  '0 0 92 20',
  `${drawn('#ffffff')}<text x="26" y="15" font-family="sans-serif" font-size="14" font-weight="600" fill="#ffffff">Zeef API</text>`,
);

/** The field for the address of another document has no use: the page may fetch its own alone. */
const STYLE = `.swagger-ui .topbar { background: #175ca0; padding: 8px 0; }
.swagger-ui .topbar .download-url-wrapper { display: none; }
.swagger-ui .markdown table { width: auto; }
`;

/**
 * The image that the library puts into its bar has no name. And it writes an example of lines of JSON as one quoted text, which would be sent so: here it
 * is written as it is.
 */
const SCRIPT = `new MutationObserver((_, observer) => {
  const logo = document.querySelector('.topbar a img');
  if (logo === null) return;
  observer.disconnect();
  logo.alt = 'Zeef API';
  logo.closest('a').href = '#';
}).observe(document.body, { childList: true, subtree: true });

const Lines = () => ({
  afterLoad() {
    const { getSampleSchema } = this.fn;
    this.fn.getSampleSchema = (schema, type, ...rest) => {
      const text = getSampleSchema(schema, type, ...rest);
      return /ndjson|jsonl/.test(type) && /^"/.test(text) ? JSON.parse(text) : text;
    };
  },
});
const library = window.SwaggerUIBundle;
window.SwaggerUIBundle = Object.assign((config) => library({ ...config, plugins: [...config.plugins, Lines] }), library);
`;

export const PAGE: FastifySwaggerUiOptions = {
  routePrefix: '/docs',
  theme: {
    title: `Zeef API ${PACKAGE_VERSION}`,
    favicon: [{ filename: 'zeef.svg', rel: 'icon', type: 'image/svg+xml', sizes: 'any', content: ICON }],
    css: [{ filename: 'zeef.css', content: STYLE }],
    js: [{ filename: 'zeef.js', content: SCRIPT }],
  },
  logo: { type: 'image/svg+xml', content: LOGO },
  uiConfig: {
    deepLinking: true,
    docExpansion: 'list',
    filter: true,
    displayRequestDuration: true,
    defaultModelsExpandDepth: -1,
    defaultModelExpandDepth: 3,
    // No key is kept in the browser.
    persistAuthorization: false,
  },
};
